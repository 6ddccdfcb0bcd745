// Where everything starts: the command line, and the commands that it knows.
import { controller } from './cli/controller.ts';
import { runCommandLine } from './cli/run.ts';

process.exitCode = await runCommandLine([controller], process.argv.slice(2), {
  environment: process.env,
  print: (text) => process.stdout.write(text),
  complain: (text) => process.stderr.write(text),
  signal: new AbortController().signal,
});
