// Finishes the npm package that `go run ./js/bundle` has laid out in bin/npm:
// the mini program's wasm is added, and npm packs it into bin/tim-wasm.tgz.
//
// Go emits bulk-memory, sign-extension and saturating conversions, which the
// engine of iOS below 15 does not know; wasm-opt replaces them with older
// instructions, for 9 % more bytes.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync, copyFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

const js = fileURLToPath(new URL('.', import.meta.url));
const bin = join(js, '../bin');
const npm = join(bin, 'npm');

const LOWER =
  '--mvp-features --enable-mutable-globals --enable-bulk-memory --enable-sign-ext --enable-nontrapping-float-to-int ' +
  '--signext-lowering --llvm-nontrapping-fptoint-lowering --llvm-memory-copy-fill-lowering';

/** Writes a module without the newer instructions. */
export function lower(from, to) {
  const wasmOpt = join(js, 'node_modules/binaryen/bin/wasm-opt');
  // A feature counts as used by the pass that removes it; afterwards it is
  // gone.
  execFileSync(process.execPath, [wasmOpt, ...LOWER.split(' '), from, '-o', to], { stdio: ['ignore', 'inherit', 'inherit'] });
}

/** As `brotli -q 11 -w 24`. */
export const brotli = (bytes) =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });

/** Adds the mini program's wasm to the package; it is made again only when tim.wasm has changed. */
function miniprogram() {
  const wasm = join(npm, 'dist/tim.wasm');
  const to = join(npm, 'miniprogram/tim.wasm.br');
  const made = join(bin, `lowered.${createHash('sha256').update(readFileSync(wasm)).digest('hex').slice(0, 16)}.wasm.br`);
  if (!existsSync(made)) {
    const dir = mkdtempSync(join(tmpdir(), 'tim-lower-'));
    try {
      lower(wasm, join(dir, 'tim.wasm'));
      writeFileSync(`${made}.part`, brotli(readFileSync(join(dir, 'tim.wasm'))));
      for (const old of readdirSync(bin)) if (/^lowered\..*\.br$/.test(old)) rmSync(join(bin, old));
      renameSync(`${made}.part`, made);
    } finally {
      rmSync(dir, { recursive: true });
    }
  }
  mkdirSync(join(npm, 'miniprogram'), { recursive: true });
  copyFileSync(made, to);
}

export function pack() {
  if (!existsSync(join(npm, 'package.json'))) throw new Error('bin/npm is missing: run `make build` first');
  miniprogram();
  const [{ filename, size, unpackedSize }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', bin], { cwd: npm, stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  renameSync(join(bin, filename), join(bin, 'tim-wasm.tgz'));
  return { size, unpackedSize };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { size, unpackedSize } = pack();
  console.log(`bin/tim-wasm.tgz: ${size} bytes, unpacked ${unpackedSize}`);
}
