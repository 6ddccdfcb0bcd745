// Writes deploy/kustomize/base: what the helm chart renders with its own values, for those who do without helm.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'deploy/kustomize/base');
const header = '# Generated from deploy/helm/serin by `npm run generate`: do not edit.\n';
/** Labels that are about helm itself. */
const OF_HELM = ['helm.sh/chart', 'app.kubernetes.io/managed-by'];

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
}

/** File by file what the base consists of, besides kustomization.yaml and the namespace. `helm`: path of the program. */
export function kustomizeBase(helm: string): ReadonlyMap<string, string> {
  const chart = join(root, 'deploy/helm/serin');
  const flags = ['--namespace', 'serin-system', '--no-hooks', '--kube-version', '1.30.0'];
  const text = execFileSync(helm, ['template', 'serin', chart, ...flags], { encoding: 'utf8' });
  const objects = parseAllDocuments(text)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null)
    .map((object) => JSON.parse(JSON.stringify(object, withoutHelm)) as Rendered);
  const isCrd = ({ kind }: Rendered): boolean => kind === 'CustomResourceDefinition';
  return new Map([
    ['crds.yaml', written(objects.filter(isCrd))],
    ['serin.yaml', written(objects.filter((object) => !isCrd(object)))],
  ]);
}

function withoutHelm(key: string, value: unknown): unknown {
  if (key !== 'labels' || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !OF_HELM.includes(name)));
}

function written(objects: readonly Rendered[]): string {
  const options = { lineWidth: 100, aliasDuplicateObjects: false };
  return header + objects.map((object) => `---\n${stringify(object, options)}`).join('');
}

if (import.meta.main) {
  const [helm = 'helm'] = process.argv.slice(2);
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of kustomizeBase(helm)) writeFileSync(join(folder, name), text);
}
