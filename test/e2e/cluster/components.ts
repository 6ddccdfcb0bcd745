// Where the programs of the test cluster are: KUBEBUILDER_ASSETS first, then the cache, then tools/components/build.sh.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const BUILD = join(import.meta.dirname, '../../../tools/components/build.sh');
const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager'] as const;

type Program = (typeof PROGRAMS)[number];

export interface Components {
  /** The cache: bin/ crds/ images/. */
  readonly dir: string;
  readonly program: Readonly<Record<Program, string>>;
  /** Gateway API's CRDs; null where they could not be fetched. */
  readonly gatewayCrds: string | null;
  /** Path of helm; null where it could not be had. */
  readonly helm: string | null;
}

/** The test cluster cannot be had on this machine; the message says what to install. */
export class NotAvailable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotAvailable';
  }
}

/** Finds the control plane's programs, building what is missing (minutes, told on stderr). Throws NotAvailable. */
export async function findComponents(): Promise<Components> {
  const dir = (await promisify(execFile)('bash', [BUILD, 'dir'])).stdout.trim();
  const crds = join(dir, 'crds/gateway-api.yaml');
  const missing = PROGRAMS.filter((program) => find(program, dir) === null);
  if (missing.length > 0 || !existsSync(crds)) {
    const ended = await build(missing.length > 0 ? 'control-plane' : 'gateway-crds');
    if (ended.code !== 0 && missing.length > 0) {
      throw new NotAvailable(`no ${missing.join(', ')} for the end-to-end tests. ${ended.said}`);
    }
  }
  const path = (program: Program) => {
    const found = find(program, dir);
    if (found === null) throw new NotAvailable(`${program} was built but is not in ${dir}/bin`);
    return found;
  };
  return {
    dir,
    program: {
      etcd: path('etcd'),
      'kube-apiserver': path('kube-apiserver'),
      'kube-controller-manager': path('kube-controller-manager'),
    },
    gatewayCrds: existsSync(crds) ? crds : null,
    helm: await findHelm(dir),
  };
}

/** Built where it is missing; the journeys of the chart alone need it. */
async function findHelm(dir: string): Promise<string | null> {
  const helm = join(dir, 'bin/helm');
  if (!existsSync(helm)) await build('helm');
  return existsSync(helm) ? helm : null;
}

function find(program: string, dir: string): string | null {
  const assets = process.env['KUBEBUILDER_ASSETS'];
  const places = [...(assets === undefined ? [] : [assets]), join(dir, 'bin')];
  return places.map((place) => join(place, program)).find(existsSync) ?? null;
}

function build(target: string): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', [BUILD, target], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text);
      said = (said + text).slice(-2_000);
    });
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code: code ?? 1, said: said.trim().split('\n').at(-1) ?? '' }),
    );
  });
}
