// Where everything starts: the command line, and the commands that it knows.
import { controller } from './cli/controller.ts';
import { explain } from './cli/explain.ts';
import { get } from './cli/get.ts';
import { INTENTS } from './cli/intend.ts';
import { plan } from './cli/plan.ts';
import { Interrupted, runCommandLine } from './cli/run.ts';
import { uninstall } from './cli/uninstall.ts';
import { wait } from './cli/wait.ts';

const COMMANDS = [get, wait, ...INTENTS, plan, explain, uninstall, controller];

const end = new AbortController();
// Once: a second Ctrl-C ends everything at once. The controller listens for itself and stops in order.
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => end.abort(new Interrupted(name)));
// `serin get -w | head` closes our output while we write: that is an end, not a fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCommandLine(COMMANDS, process.argv.slice(2), {
  environment: process.env,
  print: (text) => process.stdout.write(text),
  complain: (text) => process.stderr.write(text),
  columns: process.stdout.isTTY ? process.stdout.columns : null,
  signal: end.signal,
});
