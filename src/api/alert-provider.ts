// An AlertProvider as the rest of Serin knows it.
import type { NamespacedName } from './canary.ts';
import type { KubeObject } from './kubernetes.ts';
import { isHttp } from './metric-template.ts';
import type { Parsed } from './metric-template.ts';
import { parseNamed } from './parse-named.ts';
import { alertProviderSchema } from './schema/alert-provider.ts';
import type { AlertProviderType } from './schema/alert-provider.ts';

export interface AlertProvider extends NamespacedName {
  readonly resourceVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly type: AlertProviderType;
  /** Default general. */
  readonly channel: string;
  /** Default serin. */
  readonly username: string;
  /** Address of a proxy; null = none. */
  readonly proxy: string | null;
  /** Where the address of the webhook comes from. The Secret is in the provider's namespace. */
  readonly target:
    | { readonly kind: 'address'; readonly address: string }
    | { readonly kind: 'secret'; readonly name: string };
}

/** Total: any JSON gives an answer. */
export function parseAlertProvider(raw: KubeObject): Parsed<AlertProvider> {
  const parsed = parseNamed(alertProviderSchema, raw);
  if (!parsed.ok) return parsed;
  const { identity, spec } = parsed.value;
  const { address, secretRef } = spec;
  const invalid = (path: string, message: string): Parsed<AlertProvider> => ({
    ok: false,
    problems: [{ reason: 'InvalidSpec', path, message }],
  });
  if ((address === undefined) === (secretRef === undefined)) {
    return invalid('spec', 'exactly one of address and secretRef must be given');
  }
  if (address !== undefined && !isHttp(address)) {
    return invalid('spec.address', 'must be an http or https address');
  }
  return {
    ok: true,
    value: {
      ...identity,
      type: spec.type,
      channel: spec.channel || 'general',
      username: spec.username || 'serin',
      proxy: spec.proxy || null,
      target:
        secretRef === undefined
          ? { kind: 'address', address: address ?? '' }
          : { kind: 'secret', name: secretRef.name },
    },
  };
}
