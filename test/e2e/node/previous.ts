// The release before this tree: the newest tag `v*` that does not hold this commit, built from its own source. While there is
// none, it is this very tree under an older number, so that an upgrade and the way back are walked from the first version on.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { helm, importImage, ROOT, run, tagImage } from './installation.ts';

export interface Previous extends Disposable {
  /** For people. */
  readonly from: string;
  readonly imageTag: string;
  /** A packaged chart. */
  readonly chart: string;
}

const CHART_PLACE = 'deploy/helm/serin';
/** Any release is newer. */
const OLDER = '0.0.1-previous';

/** Its image is on the node, beside that of this tree (`this`). */
export async function previousRelease(): Promise<Previous> {
  const work = mkdtempSync(join(tmpdir(), 'serin-previous-'));
  const end = { [Symbol.dispose]: () => rmSync(work, { recursive: true, force: true }) };
  const tag = await newestTag();
  if (tag === null) {
    await tagImage('this', 'previous');
    cpSync(join(ROOT, CHART_PLACE), join(work, 'serin'), { recursive: true });
    const chart = await packaged(work, join(work, 'serin'), ['--version', OLDER]);
    return { from: 'this tree, as there is no release yet', imageTag: 'previous', chart, ...end };
  }
  const tree = join(work, 'tree');
  await run('sh', [
    '-c',
    'mkdir "$2" && git -C "$0" archive "$1" | tar -x -C "$2"',
    ROOT,
    tag,
    tree,
  ]);
  await run('npm', ['ci', '--prefix', tree, '--ignore-scripts', '--no-audit', '--no-fund']);
  await importImage('previous', tree);
  const chart = await packaged(work, join(tree, CHART_PLACE), []);
  return { from: tag, imageTag: 'previous', chart, ...end };
}

async function newestTag(): Promise<string | null> {
  const words = ['tag', '--list', 'v*', '--no-contains', 'HEAD', '--sort=-v:refname'];
  const tags = await run('git', ['-C', ROOT, ...words]);
  return tags.split('\n')[0]?.trim() || null;
}

async function packaged(to: string, chart: string, more: readonly string[]): Promise<string> {
  const said = await helm('package', chart, '--destination', to, ...more);
  return said.trim().replace(/^.*: /u, '');
}
