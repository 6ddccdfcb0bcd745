// Schema of a Canary's status: Flagger's fields, and what Serin must remember. Only Serin writes it.
import { INTENT_VERBS, PHASES } from '../canary.ts';
import { texts } from './common.ts';
import { choice, flag, integer, list, number, object, text, time } from './schema.ts';
import type { Schema } from './schema.ts';

// The limits lie above those of boundStatus, so that a status of Serin's is never refused.
const REVISION_MAX = 64;
const WORD_MAX = 512;
const MESSAGE_MAX = 32_768;

const revision = (description: string) => text(description, { max: REVISION_MAX });
const word = (description: string) => text(description, { max: WORD_MAX });
const message = (description: string) => text(description, { max: MESSAGE_MAX });
const count = (description: string) => integer(description, { min: 0 });
const percent = (description: string) => integer(description, { min: 0, max: 100 });

/** `status.conditions` of all our kinds, merged by type. */
export function conditions(description: string): Schema<unknown> {
  const condition = object('One condition.', {
    required: {
      type: text('What the condition is about.', { max: 316 }),
      status: choice('Whether it holds.', ['True', 'False', 'Unknown']),
      reason: text('Why, in one word for machines.', { max: 1024 }),
    },
    optional: {
      message: message('Why, for people.'),
      lastTransitionTime: time('When status changed last.'),
      lastUpdateTime: time('When the condition was written last.'),
      observedGeneration: count('Generation of the object that this speaks of.'),
    },
  });
  return {
    ...list(description, condition, { max: 32 }),
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  };
}

const rollout = object('Where the rollout stands. Absent while there is none.', {
  required: {},
  optional: {
    startedAt: time('When the rollout began.'),
    step: count('0 before the first weight or iteration, then 1, 2, and so on.'),
    stepSince: time('When this step was chosen.'),
    checks: count('Checks of this step that have been recorded.'),
    checkedAt: time('When the last check was due.'),
    trafficSince: time('Since when the canary has had what is judged.'),
    unknownSince: time('Since when checks have brought no answer.'),
    unreadySince: time('Since when the canary has had fewer ready pods than its weight needs.'),
    waitingSince: time('Since when pods are waited for; starts the progress deadline.'),
    paused: message('Why the rollout stands still until someone says resume.'),
    resumeWeight: percent('The weight to go back to then.'),
    approved: list('Gates that a person has approved.', word('A gate.'), { max: 256 }),
    capacity: count('Ready pods that the primary needs before traffic returns to it.'),
    configStamp: word('Stamp that the pods of the canary must carry, as a config changed.'),
  },
});

const measurement = object('One judged metric or webhook.', {
  required: {},
  optional: {
    name: word('Name of the metric or webhook.'),
    verdict: choice('What it came to.', ['pass', 'fail', 'unknown']),
    value: number('The number that was judged.'),
    message: message('Why.'),
    at: time('When.'),
  },
});

const revisionRecord = object('How one revision ended.', {
  required: {},
  optional: {
    revision: revision('The revision.'),
    outcome: choice('How it ended; current is the one under way.', [
      'current',
      'promoted',
      'failed',
      'superseded',
      'aborted',
      'reverted',
    ]),
    reason: message('Why.'),
    startedAt: time('When its rollout began.'),
    endedAt: time('When its rollout ended.'),
  },
});

const consumedIntent = object('Something a person asked for, and that was done.', {
  required: {},
  optional: {
    verb: choice('What was asked for.', INTENT_VERBS),
    value: word('Value of the annotation.'),
    manager: word('Field manager that wrote it.'),
    at: time('When it was done.'),
    cleared: flag('Whether the annotation has been taken away.'),
  },
});

const ofFlagger = {
  phase: choice('Where the Canary is in its life.', PHASES),
  canaryWeight: percent('Share of the requests that the canary gets, in percent.'),
  failedChecks: count('Failed checks of the rollout under way.'),
  iterations: count('Checks made of the blue/green rollout under way.'),
  lastAppliedSpec: revision('Revision under judgement, or the last one judged.'),
  lastPromotedSpec: revision('Revision that serves users.'),
  trackedConfigs: texts('Digests of the ConfigMaps and Secrets of the target.', {
    max: 1024,
    each: WORD_MAX,
  }),
  lastTransitionTime: time('When the phase changed last.'),
  sessionAffinityCookie: text('Cookie of the rollout under way. Not built yet.', { max: 4096 }),
  primarySessionAffinityCookie: text('Cookie of the primary. Not built yet.', { max: 4096 }),
  previousSessionAffinityCookie: text('Cookie of the rollout before. Not built yet.', {
    max: 4096,
  }),
  conditions: conditions(
    'Accepted: the spec can be obeyed. Ready: traffic is served as it should be. Reconciling: a rollout is under way. Stalled: a person must act. Promoted: the newest revision serves users.',
  ),
};

export const statusSchema = object('Where the Canary stands. Written by Serin only.', {
  required: {},
  optional: {
    ...ofFlagger,
    observedGeneration: count('Generation of the spec that this speaks of.'),
    target: object('The target as it was seen last.', {
      required: {},
      optional: {
        generation: count('Its generation.'),
        revision: revision('Its revision: a digest of pod template and tracked configs.'),
        template: word('Digest of its pod template alone.'),
        turn: word("Its own controller's number for the template."),
      },
    }),
    configVersions: texts('resourceVersions at which the tracked configs had their digests.', {
      max: 1024,
      each: WORD_MAX,
    }),
    rollout,
    parking: object('The scale-down of the target that is under way.', {
      required: {},
      optional: {
        generation: count('Generation of the target when it was chosen.'),
        rounds: count('How often it was chosen.'),
      },
    }),
    repairs: object('What another manager undid, and Serin put right.', {
      required: {},
      optional: { rounds: count('How often.'), seen: word('resourceVersion of the last object.') },
    }),
    owed: list('Post-rollout webhooks that are still to be called.', word('A webhook.'), {
      max: 64,
    }),
    measurements: list('What the last checks came to.', measurement, { max: 64 }),
    lastFailure: object('Why a revision failed last.', {
      required: {},
      optional: {
        revision: revision('The revision.'),
        reason: word('Why, in one word.'),
        message: message('Why.'),
        at: time('When.'),
      },
    }),
    history: list('How the last revisions ended.', revisionRecord, { max: 64 }),
    intents: list('What people asked for, and was done.', consumedIntent, { max: 64 }),
  },
});
