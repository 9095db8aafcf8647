// Bundles what the console's map uses into one ES module, and collects the licence of every package in it: node bundle.mjs TARGET
import {build} from 'esbuild';
import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url)), target = process.argv[2];
const {metafile} = await build({
  entryPoints: [join(here, 'ol.js')], outfile: join(target, 'ol.js'), bundle: true, format: 'esm', minify: true, metafile: true,
  // comments are removed, so the licences stand in a file of their own
  legalComments: 'none', target: 'es2022', logLevel: 'warning',
});
const packages = new Set(Object.keys(metafile.inputs).map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean));
const texts = [...packages].sort().map((name) => {
  const folder = join(here, 'node_modules', name);
  const {version, license} = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  // a package that states a licence and ships no text still has to be named
  return `${name} ${version} (${license})\n\n${file ? readFileSync(join(folder, file), 'utf8').trim() : 'No text is shipped with the package.'}\n`;
});
writeFileSync(join(target, 'licences.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
