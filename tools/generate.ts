// Writes what follows from something else: the CRDs from the schemas in src/api, once for kubectl and once for the chart, and
// the table of the chart's values. With --check it only says what differs, and fails if anything does.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { customResourceDefinitions } from '../src/api/schema/crd.ts';
import { withValuesTable } from './chart-values.ts';

const root = join(import.meta.dirname, '..');
const chart = join(root, 'deploy/helm/serin');
const header =
  '# Generated from src/api/schema by `npm run generate`: edit the schema there, not this file.\n';

function current(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function generated(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const definition of customResourceDefinitions()) {
    const { group, names } = definition.spec;
    const text = header + stringify(definition, { lineWidth: 100, aliasDuplicateObjects: false });
    for (const folder of [join(root, 'crds'), join(chart, 'files/crds')])
      files.set(join(folder, `${group}_${names.plural}.yaml`), text);
  }
  const readme = join(chart, 'README.md');
  files.set(readme, withValuesTable(current(readme), current(join(chart, 'values.yaml'))));
  return files;
}

const onlyCheck = process.argv.includes('--check');
for (const [file, text] of generated()) {
  if (current(file) === text) continue;
  if (onlyCheck) {
    console.error(`${file} is not what it is made from says: run npm run generate`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
