// What an operator stands on is taken away in the middle of a rollout: its namespace, a right, the router's kind, its token.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Api } from '../cluster/api.ts';
import { applyCrds } from '../cluster/apply.ts';
import { findComponents } from '../cluster/components.ts';
import { cluster, describeE2E } from '../cluster/e2e.ts';
import { until } from '../cluster/until.ts';
import {
  initialized,
  journey,
  type Journey,
  routePath,
  setImage,
  untilEvent,
} from '../journeys/journey.ts';
import { canaryInTraffic, endsPromoted } from './ends.ts';
import { startOwnPlane } from './own-plane.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

/** Rights on some kinds in the journey's namespace, all verbs, for a user. */
async function grant(
  { api, namespace }: Pick<Journey, 'api' | 'namespace'>,
  { name, user, rules }: { readonly name: string; readonly user: string; readonly rules: object[] },
): Promise<void> {
  const roles = `${RBAC}/namespaces/${namespace}`;
  await api.post(`${roles}/roles`, { metadata: { name }, rules });
  await bind(api, roles, name, user);
}

async function bind(api: Api, roles: string, name: string, user: string): Promise<void> {
  await api.post(`${roles}/rolebindings`, {
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  });
}

function all(apiGroup: string, ...resources: readonly string[]): object {
  return { apiGroups: [apiGroup], resources, verbs: ['*'] };
}

describeE2E('a namespace that is deleted in the middle', () => {
  test('goes as fast as without a Canary', async () => {
    await journey(async (walk) => {
      await canaryInTraffic(walk);
      await walk.api.delete(`/api/v1/namespaces/${walk.namespace}`);
      await until(
        'the namespace to be gone',
        async () => (await walk.api.find(`/api/v1/namespaces/${walk.namespace}`)) === null,
        { limitMs: 60_000 },
      );
      expect(await walk.operator.end()).toBe(0);
      expect(walk.log).not.toContain('unexpectedly');
    });
  });
});

describeE2E('a right that is taken away in the middle', () => {
  test('is named, holds the rollout, and is enough when it is given back', async () => {
    const user = 'bob';
    await journey(
      async (walk) => {
        await grant(walk, {
          name: 'most',
          user,
          rules: [
            all('', 'services', 'configmaps', 'secrets', 'pods', 'events'),
            all('apps', 'deployments', 'deployments/scale'),
            all('autoscaling', 'horizontalpodautoscalers'),
            all('events.k8s.io', 'events'),
            all('serin.dev', '*'),
          ],
        });
        const routes = [all('gateway.networking.k8s.io', '*')];
        await grant(walk, { name: 'routes', user, rules: routes });
        await canaryInTraffic(walk);
        const bindings = `${RBAC}/namespaces/${walk.namespace}/rolebindings`;
        await walk.api.delete(`${bindings}/routes`);
        const { note } = await untilEvent(walk, 'WriteRefused');
        expect(note).toContain('httproutes');
        await bind(walk.api, `${RBAC}/namespaces/${walk.namespace}`, 'routes', user);
        await endsPromoted(walk, 90_000);
      },
      { kubeconfig: cluster().kubeconfigs[user] },
    );
  });
});

describeE2E('a cluster of its own', () => {
  test("brings the route back after the router's kind was removed and put back", async () => {
    const { gatewayCrds } = await findComponents();
    await using plane = await startOwnPlane();
    await journey(
      async (walk) => {
        await canaryInTraffic(walk);
        const kind = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
        const routes = `${kind}/httproutes.gateway.networking.k8s.io`;
        await plane.api.delete(routes);
        await until('the kind to be gone', async () => (await plane.api.find(routes)) === null);
        await applyCrds(plane.api, [gatewayCrds ?? '']);
        await until('the route', () => walk.api.find(routePath(walk, 'web')), { limitMs: 100_000 });
        await endsPromoted(walk, 100_000);
      },
      { plane },
    );
  });

  test('is worked with by a new token once the old one is refused', async () => {
    await using plane = await startOwnPlane();
    await using account = await Account.make(plane.api, plane.kubeconfig('operator'));
    await journey(
      async (walk) => {
        await initialized(walk);
        await account.rotate();
        await setImage(walk, 'web:2');
        await endsPromoted(walk, 100_000);
      },
      { plane, kubeconfig: account.kubeconfig },
    );
  });
});

/** A ServiceAccount whose tokens end when a test says so. */
class Account implements AsyncDisposable {
  readonly #api: Api;
  readonly #dir = mkdtempSync(join(tmpdir(), 'serin-account-'));
  #tokens = 0;

  static async make(api: Api, model: string): Promise<Account> {
    const account = new Account(api);
    await api.post(`${Account.#path}/serviceaccounts`, { metadata: { name: 'serin' } });
    await api.post(`${RBAC}/clusterrolebindings`, {
      metadata: { name: 'serin-account' },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'ClusterRole',
        name: 'cluster-admin',
      },
      subjects: [{ kind: 'ServiceAccount', name: 'serin', namespace: 'default' }],
    });
    const config = JSON.parse(readFileSync(model, 'utf8')) as { users: object[] };
    config.users = [{ name: 'user', user: { tokenFile: account.#tokenFile } }];
    writeFileSync(account.kubeconfig, JSON.stringify(config));
    await account.#issue();
    return account;
  }

  static readonly #path = '/api/v1/namespaces/default';

  constructor(api: Api) {
    this.#api = api;
  }

  get kubeconfig(): string {
    return join(this.#dir, 'kubeconfig');
  }

  get #tokenFile(): string {
    return join(this.#dir, 'token');
  }

  /** A new token into the file; the old one is good for nothing any more. */
  async rotate(): Promise<void> {
    const old = this.#tokens;
    const refused = readFileSync(this.#tokenFile, 'utf8');
    await this.#issue();
    await this.#api.delete(`${Account.#path}/secrets/token-${old}`);
    const review = { spec: { token: refused } };
    await until('the old token to be refused', async () => {
      const path = '/apis/authentication.k8s.io/v1/tokenreviews';
      const { status } = await this.#api.post<{ status: { authenticated?: boolean } }>(
        path,
        review,
      );
      return status.authenticated !== true;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** Bound to a Secret: it is valid as long as that is there. */
  async #issue(): Promise<void> {
    this.#tokens += 1;
    const name = `token-${this.#tokens}`;
    const { metadata } = await this.#api.post(`${Account.#path}/secrets`, { metadata: { name } });
    const bound = { apiVersion: 'v1', kind: 'Secret', name, uid: metadata.uid };
    const request = { spec: { audiences: [], expirationSeconds: 3600, boundObjectRef: bound } };
    const path = `${Account.#path}/serviceaccounts/serin/token`;
    const { status } = await this.#api.post<{ status: { token: string } }>(path, request);
    writeFileSync(this.#tokenFile, status.token);
  }
}
