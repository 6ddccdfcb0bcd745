// What each write does to the model cluster.
import type { Write } from '../../../src/decision/decision.ts';
import type { Model } from './model.ts';
import { Workload } from './model-workload.ts';

export function apply(model: Model, write: Write): void {
  const { target, primary, now, nature } = model;
  switch (write.kind) {
    case 'finalizer':
      model.finalizers = write.present ? ['serin.dev/restore'] : [];
      if (model.deleting && !write.present) model.exists = false;
      return;
    case 'copyConfigs':
      model.copied = model.config;
      return;
    case 'createPrimary': {
      if (target === null || primary !== null) throw new Error('create');
      if (model.targetRevision() !== model.status.lastAppliedSpec) throw new Error('moved on');
      model.primary = new Workload(target.template, write.replicas, nature);
      model.primary.revision = model.status.lastAppliedSpec;
      return;
    }
    case 'adoptPrimary':
      model.owned = true;
      return;
    case 'promote':
      if (target === null || primary === null) throw new Error('promote');
      if (model.targetRevision() !== write.revision) throw new Error('moved on');
      primary.write({
        template: { ...target.template, stamp: write.revision },
        ...(write.replicas === undefined ? {} : { replicas: write.replicas }),
      });
      primary.revision = write.revision;
      return;
    case 'scalePrimary':
      primary?.write({ replicas: write.replicas });
      return;
    case 'scaleTarget':
      if (target?.generation === write.generation) target.write({ replicas: write.replicas });
      return;
    case 'scaler':
      model.floor = write.floor ?? 2;
      return;
    case 'services':
      model.services = true;
      return;
    case 'apex':
      model.apex = { selects: write.selects, version: model.apex.version + 1, since: now };
      return;
    case 'route':
      model.writeRoute({ ...write, kind: 'split' });
      return;
    case 'routeToApex':
      model.writeRoute({ kind: 'apex', weight: 0, revision: '', step: -1 });
      return;
    case 'stampTarget':
      target?.write({ template: { ...target.template, stamp: write.stamp } });
      return;
    case 'restoreTarget':
      if (primary !== null)
        target?.write({ template: { ...primary.template, stamp: target.template.stamp } });
      return;
    case 'orphan':
      model.owned = false;
      return;
    case 'removePrimary':
      if (model.owned) model.primary = null;
      if (model.owned) model.services = false;
      return;
    case 'clearIntent':
      model.intents = model.intents.filter(
        ({ verb, value }) => verb !== write.verb || value !== write.value,
      );
      return;
  }
}
