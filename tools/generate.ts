// Writes crds/*.yaml from the schemas in src/api. With --check it only says whether they differ, and fails if so.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { customResourceDefinitions } from '../src/api/schema/crd.ts';

const folder = join(import.meta.dirname, '..', 'crds');
const header =
  '# Generated from src/api/schema by `npm run generate`: edit the schema there, not this file.\n';

function current(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const onlyCheck = process.argv.includes('--check');
mkdirSync(folder, { recursive: true });
for (const definition of customResourceDefinitions()) {
  const { group, names } = definition.spec;
  const file = join(folder, `${group}_${names.plural}.yaml`);
  const text = header + stringify(definition, { lineWidth: 100, aliasDuplicateObjects: false });
  if (!onlyCheck) {
    writeFileSync(file, text);
  } else if (current(file) !== text) {
    console.error(`${file} is not what the schemas say: run npm run generate`);
    process.exitCode = 1;
  }
}
