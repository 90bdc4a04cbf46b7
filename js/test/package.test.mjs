// The tarball that `npm run pack` has made: its contents, and what the checkers
// say of it.
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { before, test } from '../../web/e2e/lib/test.mjs';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { root, temporary, version } from './build.mjs';

const tarball = join(root, 'bin/tim-wasm.tgz');
const dir = temporary();
const file = (name) => join(dir, 'package', name);
before(() => {
  execFileSync('tar', ['xzf', tarball, '-C', dir]);
});

test('publint finds nothing', async () => {
  const { messages, pkg } = await publint({ pkgDir: join(dir, 'package'), strict: true, pack: false });
  assert.deepEqual(messages.map((m) => formatMessage(m, pkg)), []);
});

test('the typings resolve in every way of resolving', async () => {
  const result = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))), { excludeEntrypoints: ['./dist/*'] });
  assert.ok(result.types);
  assert.deepEqual(result.problems, []);
});

test('the reference is made of the typings without a complaint', () => {
  const typedoc = join(root, 'js/node_modules/typedoc/bin/typedoc');
  execFileSync(process.execPath, [typedoc, '--options', 'typedoc.json', '--emit', 'none', '--treatWarningsAsErrors'], { cwd: join(root, 'js'), stdio: 'pipe' });
});

// Those of lite-chat 4.2.1.
const PLUGINS = [
  'avchatroom', 'cloud-search', 'conversation', 'conversation-group', 'follow', 'friend', 'group', 'message-enhancer',
  'offline-message-synchronizer', 'push-token-register', 'rich-media-message', 'signaling', 'topic',
];

test('what is in it', () => {
  const plugins = PLUGINS.flatMap((name) => [`plugins/${name}.d.ts`, `plugins/${name}.js`]).sort();
  const names = execFileSync('tar', ['tzf', tarball]).toString().trim().split('\n').map((n) => n.replace('package/', '')).sort();
  assert.deepEqual(names, [
    'CHANGELOG.md', 'LICENSE', 'MIGRATION.md', 'README.md', 'basic.d.ts', 'basic.js',
    'dist/tim.js', 'dist/tim.wasm', 'dist/tim.wasm.gz', 'dist/wasm_exec.js',
    'index.d.mts', 'index.d.ts', 'index.js', 'index.mjs', 'index.node.mjs',
    'miniprogram/index.d.ts', 'miniprogram/index.js', 'miniprogram/tim.wasm.br',
    'package.json', ...plugins, 'professional.d.ts', 'professional.js', 'standard.d.ts', 'standard.js',
  ]);
  const manifest = JSON.parse(readFileSync(file('package.json'), 'utf8'));
  assert.equal(manifest.version, version);
  // npm takes a provenance only for the repository that it comes from.
  assert.equal(manifest.publishConfig.provenance, true);
  assert.match(manifest.repository.url, /github\.com\/tim-wasm\/tim\.git$/);
  assert.equal(manifest.scripts ?? manifest.devDependencies ?? manifest.dependencies, undefined);
  for (const name of ['README.md', 'CHANGELOG.md', 'MIGRATION.md']) assert.ok(statSync(file(name)).size > 500, `${name} is empty`);
  assert.match(readFileSync(file('CHANGELOG.md'), 'utf8'), new RegExp(`## ${version.replaceAll('.', '\\.')}`));
});

test('scripts keep to their language', () => {
  const umd = readFileSync(file('index.js'), 'utf8');
  assert.doesNotMatch(umd, /import\.meta|\?\.|\?\?|\*\*|await import|\bimport\(/);
  const mini = readFileSync(file('miniprogram/index.js'), 'utf8');
  assert.doesNotMatch(mini, /import\.meta|\basync\b|\bawait\b|\?\.|\?\?|\beval\(|new Function|Math\.random/);
  for (const name of ['index.js', 'index.mjs', 'index.node.mjs', 'dist/tim.js', 'miniprogram/index.js']) {
    assert.ok(!readFileSync(file(name), 'utf8').includes(root), `${name} holds a path of this machine`);
  }
});

test('the mini program fits, and its wasm knows no newer instructions', () => {
  const packed = readFileSync(file('miniprogram/tim.wasm.br'));
  const whole = ['index.js', 'index.d.ts', 'tim.wasm.br'].reduce((sum, n) => sum + statSync(file(`miniprogram/${n}`)).size, 0);
  assert.ok(whole < 1024 * 1024, `${whole} bytes: more than half of a package`);
  const lowered = join(dir, 'lowered.wasm');
  writeFileSync(lowered, brotliDecompressSync(packed));
  const opt = join(root, 'js/node_modules/binaryen/bin/wasm-opt');
  const check = (path) => execFileSync(process.execPath, [opt, '--mvp-features', '--enable-mutable-globals', path, '-o', join(dir, 'out.wasm')], { stdio: 'pipe' });
  check(lowered);
  assert.throws(() => check(file('dist/tim.wasm'))); // so the check can fail
});

test('Node gets the build that reads files, pages the one that does not', () => {
  const app = join(dir, 'app');
  mkdirSync(join(app, 'node_modules'), { recursive: true });
  symlinkSync(join(dir, 'package'), join(app, 'node_modules/tim-wasm'));
  const resolve = (...flags) => execFileSync(process.execPath, [...flags, '--preserve-symlinks', '--input-type=module', '-e', "console.log(import.meta.resolve('tim-wasm'))"], { cwd: app }).toString();
  assert.match(resolve(), /tim-wasm\/index\.node\.mjs$/m);
  assert.deepEqual(JSON.parse(readFileSync(file('package.json'), 'utf8')).exports['.'].import, { types: './index.d.mts', node: './index.node.mjs', default: './index.mjs' });
  assert.match(readFileSync(file('index.node.mjs'), 'utf8'), /getBuiltinModule/);
  for (const name of ['index.mjs', 'dist/tim.js']) assert.doesNotMatch(readFileSync(file(name), 'utf8'), /getBuiltinModule/, name);
});

test("the package stands in for lite-chat under that one's name", () => {
  const app = join(dir, 'kit');
  mkdirSync(join(app, 'node_modules/@tencentcloud'), { recursive: true });
  symlinkSync(join(dir, 'package'), join(app, 'node_modules/@tencentcloud/lite-chat')); // as one entry of overrides does
  const run = (type, code) => execFileSync(process.execPath, ['--preserve-symlinks', `--input-type=${type}`, '-e', code], { cwd: app }).toString().trim();
  const editions = ['', '/basic', '/standard', '/professional'].map((name) => `@tencentcloud/lite-chat${name}`);
  const imported = run('module', `const all = await Promise.all(${JSON.stringify(editions)}.map((name) => import(name)));
    console.log(all.map((one) => one.default === all[0].default && typeof one.default.create).join());`);
  assert.equal(imported, 'function,function,function,function');
  const required = run('commonjs', `const all = ${JSON.stringify(editions)}.map((name) => require(name));
    console.log(all.map((one) => one.default === all[0].default && typeof one.create).join());`);
  assert.equal(required, imported);
  for (const type of ['module', 'commonjs']) {
    const load = type === 'module' ? '(await import(name)).default' : 'require(name)';
    const names = run(type, `const names = []; for (const plugin of ${JSON.stringify(PLUGINS)}) {
      const name = '@tencentcloud/lite-chat/plugins/' + plugin; names.push(${load}.name); } console.log(names.join());`);
    assert.equal(names, PLUGINS.join());
  }
  // Tools that do not know exports read the files.
  const index = createRequire(import.meta.url)(file('index.js'));
  for (const name of ['basic', 'standard', 'professional']) assert.deepEqual({ ...createRequire(import.meta.url)(file(`${name}.js`)) }, { ...index });
});

test('no line is as long as the file: Node prints that of an error which nobody has caught', () => {
  for (const name of ['index.node.mjs', 'index.js']) {
    const longest = Math.max(...readFileSync(file(name), 'utf8').split('\n').map((line) => line.length));
    assert.ok(longest < 1500, `${name}: a line of ${longest} characters`);
  }
});

test('sizes', (t) => {
  const brotli = (name) => brotliCompressSync(readFileSync(file(name))).length;
  // With some room: the hash of tim.wasm, which differs with each version of
  // Go, packs a few bytes better or worse.
  for (const [name, limit] of [['index.mjs', 9_170], ['dist/tim.js', 9_550], ['index.js', 9_940], ['miniprogram/index.js', 10_650]]) {
    t.diagnostic(`${name}: ${statSync(file(name)).size} bytes, brotli ${brotli(name)}`);
    assert.ok(brotli(name) <= limit, `${name}: ${brotli(name)} bytes of brotli, more than ${limit}`);
  }
});
