// What a run owes its users, whatever befell it: the end of the journey, no request lost, no invariant broken.
import type { Journey, JourneyEnd } from './journey.ts';

/** In words; none when all is well. Requests are integrals, so less than one is none. */
export function faultsOf(journey: Journey, end: JourneyEnd): readonly string[] {
  const good = journey.ends === 'Succeeded';
  const primary = good ? 'web:2' : 'web:1';
  return [
    ...(end.phase === journey.ends ? [] : [`${end.phase} in place of ${journey.ends}`]),
    ...(end.primary === primary ? [] : [`the primary runs ${end.primary}, not ${primary}`]),
    ...(end.lostRequests < 1 ? [] : [`${Math.round(end.lostRequests)} requests met no pod`]),
    ...end.violations.map(
      ({ invariant, message, atMs }) => `${invariant} at ${atMs} ms: ${message}`,
    ),
    ...(!good || end.failedRequests < 1 ? [] : [`${Math.round(end.failedRequests)} failed`]),
  ];
}
