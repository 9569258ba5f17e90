// Judges the sanitizer's reports in a folder: any memory error or undefined behaviour fails, and
// every leak of memory that the addon's own code allocated. Part of scripts/sanitize.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];

/** The file of each frame, innermost first, without the libraries every allocation passes. */
function files(block) {
  const all = [...block.matchAll(/^ *#\d+ .*\((\S+)\)$/gm)].map((match) => match[1]);
  return all.filter((file) => !/\/lib(asan|ubsan|stdc\+\+|c)\.so/.test(file));
}

/** Not "anywhere in the stack": what V8 allocates while we call it is V8's to free. */
const isOurs = (block) => files(block)[0]?.endsWith('netlink.node') ?? false;

let failed = 0;
let foreign = 0;

for (const name of readdirSync(folder)) {
  const text = readFileSync(join(folder, name), 'utf8');
  // A report is a row of blocks; each leaked object is a block that says where it came from.
  for (const block of text.split(/\n\s*\n/)) {
    const leak = /^(Direct|Indirect) leak of/m.test(block);
    if (leak && !isOurs(block)) {
      foreign++;
    } else if (leak || /runtime error:|ERROR: (?!LeakSanitizer)/.test(block)) {
      failed++;
      console.error(`${block}\n`);
    }
  }
}
console.error(`sanitizers: ${failed} findings in the addon, ${foreign} leaks of others ignored`);
process.exitCode = failed > 0 ? 1 : 0;
