// `serin plan`: what the operator would do with a live Canary now. Writes nothing.
import { openCluster } from './cluster.ts';
import { canaryName, CLUSTER_FLAGS, type Command, CommandError, EXIT } from './command.ts';
import { look, LOOK_FLAGS, lookSettings } from './look.ts';
import { planLines } from './told-look.ts';

export const plan: Command = {
  name: 'plan',
  usage: 'NAME [-n NAMESPACE]',
  summary: 'show what would be done with a Canary now, without doing it; 1 if it is refused',
  flags: { ...CLUSTER_FLAGS, ...LOOK_FLAGS },
  async run(invocation) {
    const name = canaryName(invocation);
    await using cluster = await openCluster(invocation);
    const seen = await look(cluster, name, lookSettings(invocation), invocation.signal);
    if (seen.kind === 'partial') {
      const words = `a plan needs all that the operator reads: you may not list and watch ${seen.unseen.join(', ')}`;
      throw new CommandError(`Canary ${cluster.namespace}/${name}: ${words}`);
    }
    invocation.print(`${planLines(seen).join('\n')}\n`);
    return seen.problems.length > 0 ? EXIT.failed : EXIT.done;
  },
};
