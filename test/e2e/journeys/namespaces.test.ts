// One operator for two namespaces, with rights in those alone: it works in both, nowhere else, and asks for nothing more.
import { expect, test } from 'vitest';
import { apiAs, describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import {
  canariesPath,
  createCanary,
  deployTarget,
  imageOf,
  initialized,
  type Journey,
  OperatorProcess,
  setImage,
  startJourney,
  untilPhase,
} from './journey.ts';
import { Person, probe } from './replicas.ts';

const EVERY_KIND = [
  { apiGroups: ['serin.dev'], resources: ['*'], verbs: ['*'] },
  {
    apiGroups: ['apps', 'autoscaling', 'gateway.networking.k8s.io'],
    resources: ['*'],
    verbs: ['*'],
  },
  { apiGroups: [''], resources: ['services', 'pods', 'configmaps', 'secrets'], verbs: ['*'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['*'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] },
];
/** In place of an operator of the namespace's own. */
const NO_OPERATOR = { program: 'true' };

async function grant({ api, namespace }: Journey, name: string): Promise<void> {
  const at = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  await api.post(`${at}/roles`, { metadata: { name: 'serin' }, rules: EVERY_KIND });
  await api.post(`${at}/rolebindings`, {
    metadata: { name: 'serin' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'serin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
  });
}

describeE2E('an operator for two namespaces', () => {
  test('works in both with rights in these alone, and is refused nothing', async () => {
    await using stack = new AsyncDisposableStack();
    const api = apiAs();
    stack.defer(() => api.close());
    const person = stack.use(new Person(`operator-of-two-${Date.now()}`, []));
    const walks: Journey[] = [];
    for (let count = 0; count < 3; count += 1)
      walks.push(stack.use(await startJourney(NO_OPERATOR)));
    const [one, two, other] = walks;
    if (one === undefined || two === undefined || other === undefined) throw new Error('three');
    await grant(one, person.name);
    await grant(two, person.name);
    const flags = ['--namespace', two.namespace, '--enable-leader-election'];
    const lease = ['--leader-election-namespace', one.namespace];
    const operator = stack.use(
      new OperatorProcess(one.namespace, one.prometheus.url, {
        flags: [...flags, ...lease],
        kubeconfig: person.kubeconfig,
      }),
    );
    await until('the operator', async () => (await probe(operator, 'readyz')) === 200);
    await deployTarget(other);
    await createCanary(other);
    for (const walk of [one, two]) await initialized(walk);
    for (const walk of [one, two]) await setImage(walk, 'web:2');
    for (const walk of [one, two]) {
      await untilPhase(walk, 'Succeeded');
      expect(await imageOf(walk, 'web-primary')).toBe('web:2');
    }
    const untouched = await other.api.get(`${canariesPath(other)}/web`);
    expect(untouched['status']).toBeUndefined();
    expect(untouched.metadata.finalizers).toBeUndefined();
    expect(person.requests.filter(({ code }) => code === 403)).toEqual([]);
    expect(operator.log).not.toContain('forbidden');
  });
});
