// Builds the page's script and style into src/keyturn/report/assets, with the licences of what is
// in them. The hash of all sources stands at the head of both: a test holds them to the sources.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "../src/keyturn/report/assets");

const sources = ["build.mjs", "package.json", "package-lock.json", "tsconfig.json"].concat(
  readdirSync(join(here, "src")).sort().map((name) => `src/${name}`),
);
const hash = createHash("sha256");
for (const name of sources) hash.update(`${name}\0`).update(readFileSync(join(here, name))).update("\0");
const banner = `/* keyturn page, of the sources ${hash.digest("hex")} */`;

const made = await build({
  absWorkingDir: here,
  entryPoints: { page: "src/main.ts" },
  outdir: target,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["chrome109", "firefox115", "safari16.4"],
  charset: "utf8",
  legalComments: "none",
  banner: { js: banner, css: banner },
  metafile: true,
});

const packages = new Set();
for (const name of Object.keys(made.metafile.inputs)) {
  const found = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(name);
  if (found) packages.add(found[1]);
}
const licences = [...packages].sort().map((name) => {
  const folder = join(here, "node_modules", name);
  const about = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  if (!file || !existsSync(join(folder, file))) throw new Error(`${name} has no licence file`);
  const text = readFileSync(join(folder, file), "utf8").trim();
  return `${name} ${about.version} (${about.license})\n\n${text}\n`;
});
writeFileSync(
  join(target, "LICENSES.txt"),
  `The page's script holds these packages, minified.\n\n${licences.join(`\n${"-".repeat(80)}\n\n`)}`,
);
for (const [name, { bytes }] of Object.entries(made.metafile.outputs)) console.log(name, bytes);
