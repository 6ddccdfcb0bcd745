// The test cluster itself: what every journey rests on.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Api } from './cluster/api.ts';
import { apiAs, cluster, describeE2E, newNamespace } from './cluster/e2e.ts';

describeE2E('the test cluster', () => {
  let api: Api;

  beforeAll(() => {
    api = apiAs();
  });
  afterAll(() => api.close());

  test('serves the kinds that the journeys need', async () => {
    await using namespace = await newNamespace(api);
    expect(await api.get(`/apis/apps/v1/namespaces/${namespace.name}/deployments`)).toMatchObject({
      kind: 'DeploymentList',
    });
    if (cluster().gatewayApi) await api.get('/apis/gateway.networking.k8s.io/v1/httproutes');
  });

  test('gives a plain user no rights', async () => {
    const alice = apiAs('alice');
    await expect(alice.get('/api/v1/secrets')).rejects.toMatchObject({ code: 403 });
    await alice.close();
  });
});
