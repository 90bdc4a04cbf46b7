// Puts the page together: language, theme, the SDK, the panels.

import { colour } from './code.js';
import { Panel } from './panel.js';
import { startSDK } from './sdk.js';
import { currentLanguage, put, say, setLanguage, showLanguage } from './text.js';
import { themeButton } from './themebutton.js';
import { Tour } from './tour.js';

const MOST = 8;
const USERS = { C: 'bob', D: 'carol' }; // A and B share a user, whose second login kicks the first

const byID = (id) => document.getElementById(id);
const panels = [];

languageButton();
themeButton();
showLanguage();
example();
copyButton();
start();

async function start() {
  let sdk;
  try {
    sdk = await startSDK();
  } catch (error) {
    say(byID('sdk'), 'sdk.failed');
    const failure = byID('failure');
    failure.className = 'failure';
    say(failure, 'sdk.failed.text', { message: error.message });
    byID('add').disabled = true;
    return;
  }
  document.documentElement.dataset.sdk = 'running';
  say(byID('sdk'), 'sdk.running', { version: sdk.TIM.VERSION });
  if (sdk.bytes) put(byID('size'), `${Math.round(sdk.bytes / 1024)} KB`);
  put(byID('start'), `${Math.round(sdk.ms)} ms`);
  byID('add').addEventListener('click', () => {
    if (panels.length >= MOST) return;
    const panel = add(sdk.TIM);
    announce('panels.added', panel);
    panel.element.querySelector('[name=user]').focus();
  });
  byID('gather').addEventListener('click', gather);
  byID('panels').addEventListener('panelstate', () => byID('gather').setAttribute('aria-disabled', String(apart().length < 2)));
  add(sdk.TIM);
  add(sdk.TIM);
  followSteps();
  const tour = new Tour({ pair: () => pair(sdk.TIM), gather }, byID('next'), byID('teller'));
  byID('show').setAttribute('aria-disabled', 'false');
  byID('show').addEventListener('click', () => {
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    document.querySelector('.tour').scrollIntoView({ behavior: still ? 'auto' : 'smooth' });
    byID('next').focus({ preventScroll: true });
    tour.play();
  });
}

// The two panels that the demonstration plays in.
function pair(TIM) {
  while (panels.length < 2) add(TIM);
  return panels.slice(0, 2);
}

function add(TIM) {
  const letter = [...'ABCDEFGH'].find((free) => !panels.some((panel) => panel.letter === free));
  const panel = new Panel(TIM, letter, USERS[letter] ?? 'alice', () => panels);
  panel.element.querySelector('.remove').addEventListener('click', () => remove(panel));
  panels.push(panel);
  byID('panels').append(panel.element);
  overview(panel);
  full();
  return panel;
}

async function remove(panel) {
  const at = panels.indexOf(panel);
  if (at < 0) return;
  panels.splice(at, 1);
  await panel.destroy();
  panel.element.remove();
  byID('overview').querySelector(`[data-of="${panel.letter}"]`).remove();
  full();
  announce('panels.removed', panel);
  const next = panels[Math.min(at, panels.length - 1)];
  (next?.element.querySelector('.remove') ?? byID('add')).focus();
}

// Of each user who is logged in the first panel.
function apart() {
  const ready = panels.filter((panel) => panel.status.status === 'ready');
  return ready.filter((panel, at) => ready.findIndex((other) => other.claim === panel.claim) === at);
}

// Makes a group of the users of the panels, which all of them write to from now on, and
// reports whether it is made.
async function gather() {
  const [first, ...others] = apart();
  const told = byID('gathered');
  if (others.length === 0) {
    say(told, 'panels.gather.first');
    return false;
  }
  const names = [first, ...others].map((panel) => panel.letter);
  try {
    const groupID = await first.gather(names.join(' + '), others.map((panel) => panel.claim));
    for (const panel of [first, ...others]) panel.choose(groupID);
    say(told, 'panels.gathered', { letters: names.join(', ') });
    byID('panels').dispatchEvent(new CustomEvent('gathered'));
    return true;
  } catch (error) {
    say(told, 'panels.ungathered', { message: error.message });
    return false;
  }
}

// On a phone the panels stand below each other. A line that stays in view
// shows the state of each and links to it, so that a kick is noticed.
function overview(panel) {
  const item = document.createElement('li');
  item.dataset.of = panel.letter;
  const link = document.createElement('a');
  link.href = `#panel-${panel.letter}`;
  const lamp = document.createElement('span');
  lamp.className = 'lamp';
  lamp.ariaHidden = 'true';
  const state = document.createElement('span');
  const show = () => {
    item.dataset.status = panel.state;
    say(state, `status.${panel.state}`);
  };
  const name = document.createElement('strong');
  name.textContent = panel.letter;
  link.append(lamp, name, ' ', state);
  item.append(link);
  panel.element.addEventListener('panelstate', show);
  show();
  byID('overview').append(item);
}

function full() {
  byID('add').setAttribute('aria-disabled', String(panels.length >= MOST));
  if (panels.length >= MOST) say(byID('announce'), 'panels.full');
}

function announce(key, panel) {
  if (panels.length < MOST) say(byID('announce'), key, { letter: panel.letter });
}

// Ticks off the steps as they happen.
function followSteps() {
  const done = (step) => {
    const item = document.querySelector(`[data-step="${step}"]`);
    if (item.classList.contains('done')) return;
    item.classList.add('done');
    item.append(say(document.createElement('span'), 'steps.done'));
    item.lastElementChild.className = 'unseen';
  };
  const area = byID('panels');
  area.addEventListener('panelstate', ({ detail: { panel } }) => {
    if (panel.status.status === 'ready') done(1);
    if (panels.filter((other) => other.claim && other.claim === panel.claim).length > 1) done(2);
  });
  area.addEventListener('panelkick', ({ detail }) => {
    if (detail.here) done(3);
  });
  area.addEventListener('panelsent', () => done(4));
  area.addEventListener('panelonline', ({ detail }) => {
    put(byID('login-time'), `${Math.round(detail.ms)} ms`);
    say(byID('login-figure'), 'figure.login.last');
  });
  area.addEventListener('gathered', () => done(5));
}

function languageButton() {
  const button = byID('language');
  const show = () => {
    const english = currentLanguage() === 'en';
    button.textContent = english ? '中文' : 'English';
    button.lang = english ? 'zh-CN' : 'en';
    for (const link of document.querySelectorAll('[data-docs]')) link.href = `docs/${link.dataset.docs}${english ? '' : '.zh'}.html`;
  };
  button.addEventListener('click', () => {
    setLanguage(currentLanguage() === 'en' ? 'zh' : 'en');
    show();
  });
  show();
}

// The example is meant to be saved and served elsewhere, so it names this timd
// in full.
function example() {
  const code = byID('example');
  code.textContent = code.textContent.replaceAll('http://127.0.0.1:8080/', new URL('.', document.baseURI).href);
  for (const block of document.querySelectorAll('.code pre > code')) colour(block);
}

function copyButton() {
  const told = byID('copied');
  byID('copy').addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(byID('example').textContent);
      say(told, 'embed.copied');
    } catch {
      getSelection().selectAllChildren(byID('example'));
      say(told, 'embed.select');
    }
  });
}
