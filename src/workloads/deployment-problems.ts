// What speaks against a Deployment as a target, said so that its author can mend it.
import type { Problem } from '../api/canary.ts';
import type { Container, Deployment, KubeObject } from '../api/kubernetes.ts';
import { configKey, configRefs, copyNameOf } from './configs.ts';

/** Longest label value, and longest name that Serin makes: it also serves as a label value and in host names. */
const LABEL_MAX = 63;
/** Longest name of a ConfigMap or Secret. */
const NAME_MAX = 253;
const SUFFIX = '-primary';

export function deploymentProblems(target: Deployment): readonly Problem[] {
  return [
    ...copyOfOurs(target),
    ...longName(target),
    ...recreate(target),
    ...strayTemplate(target),
    ...configClashes(target),
    ...repeated(target),
  ];
}

/** Why the selector gives no label to tell target and primary apart; null when it does. */
export function labelProblem(
  target: KubeObject,
  label: {
    readonly key: string | undefined;
    readonly value: string | undefined;
    readonly tried: readonly string[];
  },
): Problem | null {
  const { key, value, tried } = label;
  const name = `deployment ${target.metadata.name}`;
  if (key === undefined || value === undefined) {
    return problem(
      'spec.selector.matchLabels',
      `${name} must select its pods by one of the labels ${tried.join(', ')}, so that its primary can be told apart; add one, or name yours in --selector-labels`,
    );
  }
  const path = `spec.selector.matchLabels[${key}]`;
  if (value === '') return problem(path, `${name} selects by an empty ${key}; give it a value`);
  if (value.length + SUFFIX.length <= LABEL_MAX) return null;
  return problem(
    path,
    `${value}${SUFFIX} would be longer than ${LABEL_MAX} characters; ${key} of ${name} may have ${LABEL_MAX - SUFFIX.length}`,
  );
}

function copyOfOurs({ metadata }: Deployment): readonly Problem[] {
  if (metadata.annotations?.['serin.dev/promoted-revision'] === undefined) return [];
  const text = `deployment ${metadata.name} is itself a primary that Serin made; name the Deployment that you edit`;
  return [problem('metadata.name', text)];
}

function longName({ metadata: { name } }: Deployment): readonly Problem[] {
  if (name.length + SUFFIX.length <= LABEL_MAX) return [];
  return [
    problem(
      'metadata.name',
      `${name}${SUFFIX} would be longer than ${LABEL_MAX} characters; the name of a target may have ${LABEL_MAX - SUFFIX.length}`,
    ),
  ];
}

/** The primary would take all of its pods down at every promotion, while they serve users. */
function recreate({ metadata, spec }: Deployment): readonly Problem[] {
  const strategy = spec['strategy'];
  if (typeof strategy !== 'object' || strategy === null) return [];
  if (!('type' in strategy) || strategy.type !== 'Recreate') return [];
  return [
    problem(
      'spec.strategy.type',
      `deployment ${metadata.name} has strategy Recreate: its primary would stop serving at each promotion, and a canary runs two versions at a time anyway; use RollingUpdate`,
    ),
  ];
}

function strayTemplate({ metadata, spec }: Deployment): readonly Problem[] {
  const labels = spec.template.metadata?.labels ?? {};
  return Object.entries(spec.selector.matchLabels ?? {})
    .filter(([key, value]) => labels[key] !== value)
    .map(([key, value]) =>
      problem(
        `spec.template.metadata.labels[${key}]`,
        `the pods of deployment ${metadata.name} do not have the label ${key}=${value} that it selects by`,
      ),
    );
}

/** A copy `<name>-primary` must neither be a config that the target itself uses, nor have a name that is too long. */
function configClashes({ metadata, spec }: Deployment): readonly Problem[] {
  const references = configRefs(spec.template);
  const keys = new Set(references.map(configKey));
  return references.flatMap((reference) => {
    const copy = copyNameOf(reference.name);
    const what = `${reference.kind} ${reference.name} of deployment ${metadata.name}`;
    if (copy.length > NAME_MAX) {
      const text = `the copy of ${what} would have a name longer than ${NAME_MAX} characters`;
      return [problem('spec.template', text)];
    }
    if (!keys.has(configKey({ ...reference, name: copy }))) return [];
    const text = `the copy of ${what} would be called ${copy}, which the same template uses for something else; rename one of the two`;
    return [{ ...problem('spec.template', text), reason: 'NameTaken' }];
  });
}

/** Server-side apply cannot write lists that name an entry twice, so a primary of such a template could not be made. */
function repeated({ metadata, spec }: Deployment): readonly Problem[] {
  const { containers, initContainers = [] } = spec.template.spec;
  const lists = { containers, initContainers };
  return Object.entries(lists).flatMap(([list, members]) =>
    members.flatMap((container, index) =>
      repeatedIn(container).map((what) =>
        problem(
          `spec.template.spec.${list}[${index}]`,
          `container ${container.name} of deployment ${metadata.name} has ${what} twice; keep the last one, which is the one that counts`,
        ),
      ),
    ),
  );
}

function repeatedIn(container: Container): readonly string[] {
  const entries = [
    ...(container.env ?? []).map(({ name }) => `the variable ${name}`),
    ...(container.ports ?? []).map(
      ({ containerPort, protocol = 'TCP' }) => `the port ${containerPort}/${protocol}`,
    ),
  ];
  return [...new Set(entries.filter((entry, index) => entries.indexOf(entry) !== index))];
}

function problem(path: string, message: string): Problem {
  return { reason: 'InvalidTarget', path, message };
}
