// What the tests load: packages built like the real one, around the real
// tim.wasm or around the double in double/.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const version = JSON.parse(readFileSync(join(root, 'js/package.json'), 'utf8')).version;
/** The built package: `go run ./internal/build && go run ./js/bundle`. */
export const npm = join(root, 'bin/npm');

const made = [];
process.on('exit', () => made.forEach((dir) => rmSync(dir, { recursive: true, force: true })));

/** A directory that is removed when the process ends. */
export function temporary() {
  const dir = mkdtempSync(join(tmpdir(), 'tim-js-'));
  made.push(dir);
  return dir;
}

const go = (args, env = {}) => execFileSync('go', args, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });

/** Compiles the double. @returns {Uint8Array} */
export function double({ version: v = version, fail = '' } = {}) {
  const out = join(temporary(), 'double.wasm');
  go(['build', '-ldflags', `-s -w -X main.version=${v} -X main.fail=${fail}`, '-o', out, './js/test/double'], { GOOS: 'js', GOARCH: 'wasm' });
  return readFileSync(out);
}

/** Builds a package around a wasm. @returns {{ npm: string, dist: string, hash: string }} its folders */
export function around(wasm) {
  const dir = temporary();
  const dist = join(dir, 'dist');
  const hash = createHash('sha256').update(wasm).digest('hex').slice(0, 16);
  mkdirSync(dist);
  writeFileSync(join(dist, 'tim.wasm'), wasm);
  writeFileSync(join(dist, `tim.${hash}.wasm`), wasm);
  execFileSync('gzip', ['-9', '-k', join(dist, 'tim.wasm')]);
  writeFileSync(join(dist, 'manifest.json'), JSON.stringify({ version, hash }));
  copyFileSync(join(go(['env', 'GOROOT']).toString().trim(), 'lib/wasm/wasm_exec.js'), join(dist, 'wasm_exec.js'));
  const out = join(dir, 'npm');
  go(['run', './js/bundle', '-dist', dist, '-out', out]);
  return { npm: out, dist, hash };
}
