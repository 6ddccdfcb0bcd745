// The proxy of the fault tests: it passes on what it is not told to harm, and harms just what it is told to.
import { request as requestByHttp1 } from 'node:https';
import { expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { Api } from '../cluster/api.ts';
import { apiAs, cluster, describeE2E, newNamespace } from '../cluster/e2e.ts';
import { FaultProxy } from '../cluster/fault-proxy.ts';
import type { Call } from '../cluster/fault-proxy-call.ts';
import { until } from '../cluster/until.ts';

interface Rig extends AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly direct: Api;
  readonly through: Api;
  readonly configs: string;
}

async function rig(): Promise<Rig> {
  const stack = new AsyncDisposableStack();
  const direct = apiAs();
  stack.defer(() => direct.close());
  const { name } = stack.use(await newNamespace(direct, 'proxy'));
  const { dir, connections } = cluster();
  const proxy = stack.use(await FaultProxy.start({ dir, upstream: connections.operator }));
  const through = new Api(proxy.connection);
  stack.defer(() => through.close());
  const configs = `/api/v1/namespaces/${name}/configmaps`;
  return { proxy, direct, through, configs, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function config(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } };
}

function short(): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.timeout(1_000) };
}

const creates = ({ verb, resource }: Call): boolean =>
  verb === 'create' && resource === 'configmaps';

/** Follows a list until it is over; what came is in the result. */
function follow(api: Api, path: string) {
  const over = new AbortController();
  const names: string[] = [];
  const run = (async () => {
    for await (const { object } of api.follow(path, over.signal)) names.push(object.metadata.name);
  })();
  return {
    names,
    [Symbol.asyncDispose]: async () => {
      over.abort();
      await run;
    },
  };
}

describeE2E('the proxy of the fault tests', () => {
  test('passes reads, writes and watches on, over HTTP/2 and 1.1, and writes them down', async () => {
    await using on = await rig();
    await using seen = follow(on.through, on.configs);
    await on.through.post(on.configs, config('one'));
    await on.through.patch(`${on.configs}/one`, { data: { a: 'ä' } });
    expect((await on.direct.get(`${on.configs}/one`))['data']).toEqual({ a: 'ä' });
    await until('the watch to tell', () => seen.names.filter((name) => name === 'one').length >= 2);
    expect(await on.through.delete(`${on.configs}/one`)).toBe(true);
    await expect(on.through.get(`${on.configs}/one`)).rejects.toMatchObject({ code: 404 });
    expect(
      on.proxy.deeds.map(({ deed, call, code }) => [deed, call.verb, call.name, code]),
    ).toEqual([
      [1, 'create', 'one', 201],
      [2, 'patch', 'one', 200],
      [3, 'delete', 'one', 200],
    ]);
    expect(await versionByHttp1(on.proxy)).toContain('gitVersion');
  });

  test('refuses without asking, or after the write was obeyed, so often as told', async () => {
    await using on = await rig();
    on.proxy.harm({
      concerns: creates,
      fault: { kind: 'refuse', when: 'before', code: 503, retryAfterSeconds: 2 },
      times: 1,
    });
    await expect(on.through.post(on.configs, config('a'))).rejects.toMatchObject({ code: 503 });
    expect(await on.direct.find(`${on.configs}/a`)).toBeNull();
    const end = on.proxy.harm({
      concerns: creates,
      fault: { kind: 'refuse', when: 'after', code: 504 },
      skip: 1,
    });
    await on.through.post(on.configs, config('a'));
    await expect(on.through.post(on.configs, config('b'))).rejects.toMatchObject({ code: 504 });
    expect(await on.direct.find(`${on.configs}/b`)).not.toBeNull();
    end();
    await on.through.post(on.configs, config('c'));
  });

  test('cuts a connection before or after the write was obeyed', async () => {
    await using on = await rig();
    for (const [when, found] of [
      ['before', false],
      ['after', true],
    ] as const) {
      const end = on.proxy.harm({ concerns: creates, fault: { kind: 'cut', when } });
      await expect(on.through.post(on.configs, config(when))).rejects.toThrow(/closed|reset/i);
      expect((await on.direct.find(`${on.configs}/${when}`)) !== null).toBe(found);
      end();
    }
  });

  test('stalls one request and lets the others pass', async () => {
    await using on = await rig();
    on.proxy.harm({ concerns: creates, fault: { kind: 'stall', when: 'before' } });
    await expect(on.through.post(on.configs, config('a'), short())).rejects.toThrow(/timeout/i);
    await on.through.get(on.configs);
    expect(await on.direct.find(`${on.configs}/a`)).toBeNull();
  });

  test('falls silent on connections that are there and on new ones, and speaks again', async () => {
    await using on = await rig();
    await using seen = follow(on.through, on.configs);
    await on.direct.post(on.configs, config('before'));
    await until('the watch to tell', () => seen.names.includes('before'));
    on.proxy.wires.silenceAll({ newToo: true });
    await on.direct.post(on.configs, config('within'));
    await expect(on.through.get(on.configs, short())).rejects.toThrow(/timeout/i);
    expect(seen.names).not.toContain('within');
    on.proxy.wires.restoreAll();
    await until('the watch to go on', () => seen.names.includes('within'));
  });

  test('waits before it passes a request on, where it is told to', async () => {
    await using on = await rig();
    on.proxy.harm({ concerns: creates, fault: { kind: 'delay', ms: 600 } });
    const start = performance.now();
    await on.through.post(on.configs, config('a'));
    expect(performance.now() - start).toBeGreaterThan(590);
  });

  test('streams no lists, and tells watches that their history is gone, where it is told to', async () => {
    await using on = await rig();
    on.proxy.refuseWatchList();
    const streamed = `${on.configs}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan`;
    await expect(on.through.text('GET', streamed)).rejects.toMatchObject({ code: 422 });
    await using seen = follow(on.through, on.configs);
    await on.direct.post(on.configs, config('a'));
    await until('the watch to tell', () => seen.names.includes('a'));
    const watches = (): number =>
      on.proxy.journal.filter(({ call, code }) => call.verb === 'watch' && code === 200).length;
    const before = watches();
    on.proxy.expireWatches();
    await until('the watch to be taken up again', () => watches() > before);
  });

  test('calls the hooks of each write when it was obeyed and its answer is still out', async () => {
    await using on = await rig();
    const told: (readonly [number, boolean])[] = [];
    on.proxy.hook({
      before: ({ deed }) => (deed === 2 ? 'drop' : undefined),
      after: async ({ call, deed }) => {
        told.push([deed, (await on.direct.find(`${on.configs}/${call.name}`)) !== null]);
        return deed === 3 ? 'drop' : undefined;
      },
    });
    await on.through.post(on.configs, config('one'));
    await expect(on.through.post(on.configs, config('two'))).rejects.toThrow(/closed|reset/i);
    await expect(on.through.post(on.configs, config('three'))).rejects.toThrow(/closed|reset/i);
    expect(told).toEqual([
      [1, true],
      [3, true],
    ]);
    expect(await on.direct.find(`${on.configs}/two`)).toBeNull();
  });
});

function versionByHttp1({ connection }: FaultProxy): Promise<string> {
  return new Promise((resolve, reject) => {
    const { ca, token } = connection;
    const headers = { authorization: `Bearer ${token}` };
    const options = { ca, headers, signal: AbortSignal.timeout(5_000) };
    requestByHttp1(`${connection.server}/version`, options, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => (text += part));
      answer.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}
