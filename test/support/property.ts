import fc from 'fast-check';
import { vi } from 'vitest';

// Many runs on a busy machine take their time; what hangs is found all the same.
vi.setConfig({ testTimeout: 60_000 });

/** One seed for all, so that a red run is red again; another one: PROPERTY_SEED=n. */
const seed = Number(process.env['PROPERTY_SEED'] ?? 20160621);

/**
 * Checks a property on random values; the failure names the smallest counterexample and the
 * command that replays it.
 */
export async function checkProperty<T extends unknown[]>(
  property: fc.IAsyncProperty<T> | fc.IProperty<T>,
  options: { readonly runs: number },
): Promise<void> {
  const path = process.env['PROPERTY_PATH'];
  const details = await fc.check(property as fc.IAsyncProperty<T>, {
    seed,
    numRuns: options.runs,
    ...(path === undefined ? {} : { path }),
  });
  if (!details.failed) return;
  const replay = `PROPERTY_SEED=${details.seed} PROPERTY_PATH=${details.counterexamplePath ?? ''}`;
  throw new Error(
    `${fc.defaultReportMessage(details) ?? 'property failed'}\n\nreplay: ${replay} npx vitest run --project unit FILE -t NAME`,
    { cause: details.errorInstance },
  );
}
