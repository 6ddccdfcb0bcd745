// A namespace for one test, which takes everything along when it goes.
import type { Api } from './api.ts';

/** A fresh namespace; `dispose` asks for its deletion and does not wait for the end. */
export async function newNamespace(api: Api, prefix = 'test'): Promise<TestNamespace> {
  const made = await api.post('/api/v1/namespaces', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { generateName: `${prefix}-` },
  });
  const { name } = made.metadata;
  return {
    name,
    [Symbol.asyncDispose]: async () => {
      await api.delete(`/api/v1/namespaces/${name}`);
      // Nobody stands in for the kubelet any more: bound pods would wait for it, and the namespace for them.
      const now = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 };
      await api.delete(`/api/v1/namespaces/${name}/pods`, now);
    },
  };
}

export interface TestNamespace extends AsyncDisposable {
  readonly name: string;
}
