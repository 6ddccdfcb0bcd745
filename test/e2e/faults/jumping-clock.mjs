// Loaded into the operator before it starts: each SIGUSR2 sets its wall clock by the next of the given steps.
const stepsMs = (process.env['CLOCK_STEPS_MS'] ?? '').split(',').map(Number);
const now = Date.now;
let offsetMs = 0;

Date.now = () => now() + offsetMs;
process.on('SIGUSR2', () => {
  offsetMs += stepsMs.shift() ?? 0;
});
