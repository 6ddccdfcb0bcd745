// Which times a Service had nobody ready behind it, as whoever routes to it could know.
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import type { Place } from './walk.ts';

export interface Gap {
  /** Since 1970. */
  readonly fromMs: number;
  /** Infinity: it has not ended. */
  readonly toMs: number;
}

export interface WatchedEndpoints extends AsyncDisposable {
  gaps(): readonly Gap[];
}

interface EndpointSlice extends KubeObject {
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[] | null;
}

/** Watches until it is disposed of. */
export function watchEndpoints({ api, namespace }: Place, service: string): WatchedEndpoints {
  const gaps: Gap[] = [];
  const readyBySlice = new Map<string, number>();
  const ending = new AbortController();
  const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D${service}`;
  const note = (type: string, { metadata, endpoints }: EndpointSlice): void => {
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready === true).length;
    readyBySlice.set(metadata.name, type === 'DELETED' ? 0 : ready);
    const nobody = [...readyBySlice.values()].every((count) => count === 0);
    const open = gaps.at(-1);
    if (nobody && open?.toMs !== Infinity) gaps.push({ fromMs: Date.now(), toMs: Infinity });
    if (!nobody && open?.toMs === Infinity) gaps[gaps.length - 1] = { ...open, toMs: Date.now() };
  };
  const watching = (async () => {
    for await (const { type, object } of api.follow<EndpointSlice>(path, ending.signal))
      note(type, object);
  })();
  watching.catch(() => undefined);
  return {
    gaps: () => [...gaps],
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await watching.catch(() => undefined);
    },
  };
}
