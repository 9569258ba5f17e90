import { runScript } from '../../support/script.js';
import { compileScript } from './compile-script.js';
import { diffScript } from './diff-script.js';
import { explainScript } from './explain-script.js';

runScript('rules/compile.txt', compileScript);
runScript('rules/snat.txt', compileScript);
runScript('rules/diff.txt', diffScript);
runScript('rules/explain.txt', explainScript);
