// The kinds of the shipped CRDs, read once for all tests of a file.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { KubeObject } from '../../../../src/api/kubernetes.ts';
import { createKinds } from '../../../../src/sim/store/kinds.ts';

const CRDS = join(import.meta.dirname, '../../../../crds');

export const kinds = createKinds(
  globSync(join(CRDS, 'serin.dev_*.yaml')).map(
    (file) => parse(readFileSync(file, 'utf8')) as KubeObject,
  ),
);
