// Why a server-side apply is refused: the fields that other managers own, and who they are.
import type { Managed } from './managed-fields.ts';
import { refused } from './refusals.ts';
import { type FieldSet, intersection, pathsOf } from './schema-field-set.ts';

/** Throws if any of these managers owns a field that the apply would change. */
export function refuseConflicts(
  attempt: string,
  others: readonly Managed[],
  changed: FieldSet,
): void {
  const conflicts = others.flatMap((entry) => {
    const both = intersection(entry.fields, changed);
    return both === null ? [] : pathsOf(both).map((path) => ({ path, who: shown(entry) }));
  });
  const [first] = conflicts;
  if (first === undefined) return;
  throw refused(attempt, {
    kind: 'conflict',
    code: 409,
    reason: 'Conflict',
    message: conflictText(conflicts),
    causes: conflicts.map(({ path, who }) => ({
      reason: 'FieldManagerConflict',
      field: path,
      message: `conflict with ${who}`,
    })),
  });
}

interface FieldConflict {
  readonly path: string;
  readonly who: string;
}

function conflictText(conflicts: readonly FieldConflict[]): string {
  const [first] = conflicts;
  if (conflicts.length === 1 && first !== undefined) {
    return `Apply failed with 1 conflict: conflict with ${first.who}: ${first.path}`;
  }
  const managers = [...new Set(conflicts.map(({ who }) => who))].toSorted();
  const lines = managers.flatMap((manager) => [
    `conflicts with ${manager}:`,
    ...conflicts.filter(({ who }) => who === manager).map(({ path }) => `- ${path}`),
  ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

/** `"kubectl" with subresource "status" using apps/v1 at 2026-01-01T00:00:00Z`. */
function shown({ manager, subresource, operation, apiVersion, time }: Managed): string {
  const of = subresource === '' ? '' : ` with subresource "${subresource}"`;
  const at = time === '' ? '' : ` at ${time}`;
  return `"${manager}"${of}${operation === 'Update' ? ` using ${apiVersion}${at}` : ''}`;
}
