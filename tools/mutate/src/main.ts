import { Command, InvalidArgumentError } from 'commander';
import { Stryker } from '@stryker-mutator/core';
import { reportsFolder, strykerOptions } from './options.ts';
import { packages, targetOf, type Target } from './packages.ts';

const about = `
A mutant is the production code with one small change. It is killed if a test fails, and survives if none does: then no
test states what the changed code is for. Some survivors are equivalent to the original code, and stay.

Packages:
${packages.map(({ name, minimum }) => `  ${name.padEnd(24)} at least ${minimum} % killed`).join('\n')}

Results are kept below .cache/mutate, and a mutant is only tried again if its code or a test that covers it has changed.
The exit code is 1 if fewer are killed than must be, 2 for misuse.`;

function parseTarget(path: string, before: readonly Target[] = []): readonly Target[] {
  const target = targetOf(path);
  if (!target) throw new InvalidArgumentError(`It is in none of ${packages.map(({ name }) => name).join(', ')}.`);
  return [...before, target];
}

/** Prints what survives, and sets the exit code. */
async function mutate(target: Target, force: boolean): Promise<void> {
  console.log(`mutate: ${target.file ?? target.mutated.name}`);
  await new Stryker(strykerOptions(target, force)).runMutationTest();
  console.log(`mutate: the whole report is ${reportsFolder(target.mutated)}/report.html`);
}

await new Command('mutate')
  .description('Mutation testing: finds production code that can be changed without a test noticing.')
  .argument('[paths...]', 'packages, or files of them; all packages by default', parseTarget)
  .option('--force', 'try every mutant again', false)
  .addHelpText('after', about)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .action(async (paths: readonly Target[] | undefined, { force }: { readonly force: boolean }) => {
    for (const target of paths?.length ? paths : packages.map((mutated) => ({ mutated }))) await mutate(target, force);
  })
  .parseAsync();
