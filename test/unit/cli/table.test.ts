// What tables look like on terminals of any width.
import { describe, expect, test } from 'vitest';
import { Table } from '../../../src/cli/table.ts';

const COLUMNS = [
  { title: 'NAME' },
  { title: 'STEP', drop: 1 },
  { title: 'READY', drop: 2 },
  { title: 'REASON' },
];
const ROW = ['web', '1/2', 'True', 'pass: request-success-rate 99.50 is within the minimum 99'];

describe('a table', () => {
  test('stands in columns, without blanks at the ends of lines', () => {
    const table = new Table(COLUMNS, null);
    expect(table.render([ROW, ['a-longer-name', '-', '-', '']])).toBe(
      [
        'NAME            STEP   READY   REASON',
        'web             1/2    True    pass: request-success-rate 99.50 is within the minimum 99',
        'a-longer-name   -      -',
        '',
      ].join('\n'),
    );
  });

  test('is cut where the terminal ends, and says so', () => {
    const lines = new Table(COLUMNS, 60).render([ROW]).split('\n');
    expect(lines[1]).toHaveLength(60);
    expect(lines[1]).toMatch(/…$/);
  });

  test('leaves out on a narrow terminal what matters least', () => {
    expect(new Table(COLUMNS, 40).render([ROW])).toContain('NAME   STEP   REASON\n');
    expect(new Table(COLUMNS, 32).render([ROW])).toContain('NAME   REASON\n');
  });

  test('keeps later rows under its titles', () => {
    const table = new Table(COLUMNS, null);
    const [titles = ''] = table.render([ROW]).split('\n');
    expect(table.add(['api', '-', '-', 'x']).indexOf('x')).toBe(titles.indexOf('REASON'));
  });

  test('lets no text from the cluster move the cursor', () => {
    expect(new Table(COLUMNS, null).render([['web', '', '', '\u001b[2Jgone\n']])).toContain(
      '\\u001b[2Jgone\\n',
    );
  });
});
