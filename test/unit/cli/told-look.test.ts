// What plan and explain say where there is no whole world to speak of.
import { describe, expect, test } from 'vitest';
import { asRevision, asWeight } from '../../../src/api/canary.ts';
import { parseCanary } from '../../../src/api/parse-canary.ts';
import { asInstant } from '../../../src/clock/clock.ts';
import { USUAL_SETTINGS } from '../../../src/cli/look.ts';
import { explainLines, planLines } from '../../../src/cli/told-look.ts';
import { decideUnreadable } from '../../../src/decision/decide.ts';
import { canary, R1, R2 } from './fake-cluster.ts';

const NOW = asInstant(1_767_225_600_000);

describe('a Canary whose spec cannot be read', () => {
  const wrong = { spec: { service: { port: 0 }, provider: 7 } };
  const parsed = parseCanary(canary({}, wrong), USUAL_SETTINGS);
  const decision = decideUnreadable(parsed, { now: NOW });
  const look = { kind: 'unreadable', parsed, decision, problems: parsed.problems } as const;

  test('is explained and planned with every problem, each with its path', () => {
    expect(parsed.problems.length).toBeGreaterThan(1);
    for (const lines of [explainLines(look), planLines(look)])
      for (const { path, message } of parsed.problems)
        expect(lines).toContainEqual(expect.stringContaining(`${path}: ${message}`));
  });
});

describe('a Canary around which not all may be read', () => {
  const status = {
    phase: 'Progressing',
    lastAppliedSpec: asRevision(R2),
    lastPromotedSpec: asRevision(R1),
    canaryWeight: asWeight(25),
  } as const;
  const parsed = parseCanary(canary(status), USUAL_SETTINGS);

  test('is told by its status alone, with the grants that would tell more', () => {
    const unseen = ['secrets', 'services'];
    const lines = explainLines({ kind: 'partial', parsed, problems: [], unseen });
    expect(lines).toEqual([
      'Canary shop/web is Progressing: revision 222222222222',
      'Promoted revision: 111111111111',
      'Revision taken up last: 222222222222',
      'Weight of the canary: 25',
      'More can be told to who may list and watch secrets, services in this namespace',
    ]);
  });
});
