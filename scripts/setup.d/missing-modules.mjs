// Prints the packages that package-lock.json wants and node_modules lacks or has in another version.
import { readFileSync } from 'node:fs';

const packages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;

let installed = {};
try {
  // npm's own record of what it put there.
  installed = packages('node_modules/.package-lock.json');
} catch {
  // Nothing is installed.
}
for (const [path, { version, optional }] of Object.entries(packages('package-lock.json'))) {
  // Optional ones are builds for other processors.
  if (path !== '' && !optional && installed[path]?.version !== version) console.log(path);
}
