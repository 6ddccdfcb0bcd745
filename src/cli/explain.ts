// `serin explain`: the story of a live Canary: where it is, since when, why, and what a person can do.
import { openCluster } from './cluster.ts';
import { canaryName, CLUSTER_FLAGS, type Command, EXIT } from './command.ts';
import { look, LOOK_FLAGS, lookSettings } from './look.ts';
import { explainLines } from './told-look.ts';

export const explain: Command = {
  name: 'explain',
  usage: 'NAME [-n NAMESPACE]',
  summary: 'tell where a Canary is, since when, why, and what comes next',
  flags: { ...CLUSTER_FLAGS, ...LOOK_FLAGS },
  async run(invocation) {
    const name = canaryName(invocation);
    await using cluster = await openCluster(invocation);
    const seen = await look(cluster, name, lookSettings(invocation), invocation.signal);
    invocation.print(`${explainLines(seen).join('\n')}\n`);
    return EXIT.done;
  },
};
