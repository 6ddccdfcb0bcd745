// Pieces that several of our schemas share: names, durations, references.
import { choice, integer, map, object, text } from './schema.ts';
import type { Rule, Schema } from './schema.ts';

/** The longest name that leaves room for `-primary` in the 63 characters of a Service, a label value or a pod name. */
export const BASE_NAME_MAX = 55;

const DURATION = '^([0-9]+([.][0-9]+)?(ms|s|m|h))+$';
const DNS_SUBDOMAIN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$';
const DNS_LABEL = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$';

const baseNameRule: Rule = {
  rule: `size(self) <= ${BASE_NAME_MAX}`,
  message: `must not be longer than ${BASE_NAME_MAX} characters: with -primary it may have 63`,
};

/**
 * A Go duration; both bounds are inclusive, written as Go durations, and told in the messages. A rule says the form
 * rather than `pattern`: its message is readable, and a wrong form gives one complaint, not three.
 */
export function duration(
  description: string,
  bounds: { readonly min: string; readonly max: string },
): Schema<string> {
  const form = `self.matches(r'${DURATION}')`;
  return text(description, {
    max: 32,
    rules: [
      { rule: form, message: 'must be a duration such as 30s or 1m30s' },
      {
        rule: `!${form} || duration(self) >= duration('${bounds.min}')`,
        message: `must be at least ${bounds.min}`,
      },
      {
        rule: `!${form} || duration(self) <= duration('${bounds.max}')`,
        message: `must be at most ${bounds.max}`,
      },
    ],
  });
}

export function objectName(description: string): Schema<string> {
  return text(description, { min: 1, max: 253, pattern: DNS_SUBDOMAIN });
}

export function namespaceName(description: string): Schema<string> {
  return text(description, { min: 1, max: 63, pattern: DNS_LABEL });
}

/** The name of an object that gets a copy called `<name>-primary`. */
export function baseName(description: string, pattern: string = DNS_SUBDOMAIN): Schema<string> {
  return text(description, { min: 1, max: 253, pattern, rules: [baseNameRule] });
}

export function port(description: string): Schema<number> {
  return integer(description, { min: 1, max: 65_535 });
}

export function texts(
  description: string,
  limits: { readonly max: number; readonly each: number },
) {
  return map(description, text('A value.', { max: limits.each }), { max: limits.max });
}

/** Another object of one of our kinds; another namespace needs a grant of its owner. */
export function namespacedRef(description: string, what: string) {
  return object(description, {
    required: { name: objectName(`Name of the ${what}.`) },
    optional: {
      namespace: namespaceName(
        `Namespace of the ${what}. Default: the Canary's. Another one needs the annotation serin.dev/allow-from on the ${what}.`,
      ),
    },
  });
}

/** Another object in the Canary's namespace, of one of the given kinds. */
export function kindRef<
  const K extends string,
  const O extends Readonly<Record<string, Schema<unknown>>>,
>(
  description: string,
  options: {
    readonly kinds: readonly K[];
    readonly name: Schema<string>;
    readonly optional: O;
  },
) {
  return object(description, {
    required: {
      apiVersion: text('API version of the object, as apps/v1.', { min: 1, max: 253 }),
      kind: choice('Kind of the object.', options.kinds),
      name: options.name,
    },
    optional: options.optional,
  });
}
