// Puts the console together: the administrator's login, the stream, the parts.

import { Api, ApiError } from './api.js';
import { Apps } from './apps.js';
import { Audit } from './audit.js';
import { Bans } from './bans.js';
import { Charts } from './charts.js';
import { byID, write } from './dom.js';
import { Feed } from './feed.js';
import { Groups } from './groups.js';
import { Limits } from './limits.js';
import { Messages } from './messages.js';
import { Person } from './person.js';
import { reason } from './reason.js';
import { currentLanguage, say, setLanguage, showLanguage, translate } from './text.js';
import { Statistics } from './statistics.js';
import { System } from './system.js';
import { themeButton } from './themebutton.js';
import { clock } from './time.js';
import { Users } from './users.js';
import { Views } from './views.js';
import { forgetEveryone, forgetWho, nameOf, recallWho, rememberWho } from './who.js';

const REREAD = 5000; // ms: settings may be changed elsewhere
const SHORT = 2000; // ms: a connection that is back within this time is not mentioned

const apps = new Apps(change, another);
const charts = new Charts(byID('tiles'));
const feed = new Feed(byID('feed'), byID('feed-pause'));
const limits = new Limits(byID('limits'));
const users = new Users(failed, (id, at) => charts.login(id, at));
const audit = new Audit(failed);
const bans = new Bans(failed, () => audit.refresh());
const groups = new Groups(failed);
const messages = new Messages(failed);
const person = new Person(failed);
const statistics = new Statistics(failed);
const system = new System(failed);
const views = new Views({ sessions: { open: () => { bans.refresh(); audit.refresh(); } }, users: person, groups, messages, statistics, system });
let api;
let rereading;
let since = 0; // when the stream was last connected; 0 before it was
let staling;

languageButton();
themeButton();
showLanguage();
byID('leave').addEventListener('click', () => {
  forgetEveryone();
  leave();
});
byID('enter-form').addEventListener('submit', (event) => {
  event.preventDefault();
  submit();
});
// The dev link may be opened in a tab that shows the console already.
addEventListener('hashchange', () => {
  const who = !location.hash.startsWith('#/') && location.hash.includes('usersig') && recallWho();
  if (who) change(who);
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && api) reread();
});

const who = recallWho();
let lastApp = who?.app; // something of it may be open
if (who) enter(who);
else showForm();

async function submit() {
  const form = byID('enter-form').elements;
  const given = { app: form.app.value.trim(), admin: form.admin.value.trim(), sig: form.sig.value.trim() };
  const missing = ['app', 'admin', 'sig'].find((name) => !given[name]);
  if (missing) {
    refuse(translate('enter.missing'));
    form[missing].focus();
    return;
  }
  byID('enter-go').setAttribute('aria-disabled', 'true');
  await enter(given);
  byID('enter-go').removeAttribute('aria-disabled');
}

/** Logs in: the settings are the first thing that only an administrator may read. */
async function enter(given) {
  const mine = new Api(given);
  api?.end();
  api = mine;
  try {
    await limits.load(mine);
  } catch (error) {
    if (api !== mine) return;
    api = undefined;
    if (error.final) forgetWho(given);
    showForm(given);
    refuse(reason(error));
    return;
  }
  if (api !== mine) return;
  rememberWho(given);
  if (lastApp !== undefined && String(lastApp) !== String(given.app)) closeWhatIsOpen();
  lastApp = given.app;
  byID('enter-form').reset();
  byID('enter').hidden = true;
  byID('board').hidden = false;
  for (const id of ['live', 'leave']) byID(id).hidden = false;
  apps.show(given);
  since = 0;
  live(false);
  charts.start(nameOf(given));
  users.start(mine);
  bans.start(mine);
  audit.start(mine);
  groups.start(mine);
  messages.start(mine);
  person.start(mine);
  statistics.start(mine);
  system.start(mine);
  views.start();
  rereading = setInterval(reread, REREAD);
  mine.watch(line, (stands, error) => {
    if (api !== mine) return;
    if (error) {
      refused(error);
      return;
    }
    live(stands);
    if (stands) users.refresh(); // what happened in between
  });
}

function line(l) {
  since = Date.now();
  if (l.Counts) {
    charts.counts(l.Counts);
    users.total(l.Counts.Users);
  }
  if (l.Event) {
    feed.add(l.Event, l.Time);
    if (l.Event.Kind === 'login') charts.login(l.Event.InstanceID, l.Time);
    users.changed();
  }
}

function reread() {
  limits.load(api).catch(failed);
}

/** A call failed while logged in: only a refused administrator has to log in again. */
function failed(error) {
  if (api && error instanceof ApiError && error.final) refused(error);
}

function refused(error) {
  const { who } = api;
  forgetWho(who);
  leave(reason(error), who);
}

/** Goes to another app, or to another administrator of this one. */
function change(who) {
  end();
  enter(who);
}

/** Leaves the part that the address names open, but not what is open in it: another app does not have that. */
function closeWhatIsOpen() {
  const [, part] = location.hash.split('/');
  if (part) history.replaceState(null, '', `#/${part}`);
}

/** Asks for an administrator of another app, and keeps those that are logged in. */
function another() {
  leave();
  byID('enter-form').elements.app.focus();
}

function leave(why, who) {
  end();
  showForm(who);
  if (why) refuse(why);
}

/** Ends everything that was shown of an app. */
function end() {
  api?.end();
  api = undefined;
  clearInterval(rereading);
  since = 0;
  live(false);
  charts.stop();
  charts.forget();
  feed.forget();
  users.stop();
  bans.stop();
  audit.stop();
  groups.stop();
  messages.stop();
  person.stop();
  statistics.stop();
  system.stop();
  views.stop();
  limits.forget();
  if (byID('ask').open) byID('ask').close();
}

function showForm(given) {
  byID('board').hidden = true;
  for (const id of ['live', 'leave']) byID(id).hidden = true;
  apps.hide();
  byID('enter').hidden = false;
  byID('enter-error').hidden = true;
  const form = byID('enter-form').elements;
  if (given) {
    form.app.value = given.app;
    form.admin.value = given.admin;
  }
  (form.app.value ? form.sig : form.app).focus();
}

function refuse(text) {
  const place = byID('enter-error');
  place.hidden = false;
  write(place, text);
}

/** Whether the stream is connected; without it everything shown is outdated. */
function live(stands) {
  byID('live').dataset.live = String(stands);
  say(byID('live-text'), stands ? 'live.yes' : since ? 'live.lost' : 'live.no');
  if (stands) since = Date.now();
  charts.hold(!stands);
  if (!stands && since) {
    staling ??= setTimeout(stale, SHORT, true);
    return;
  }
  clearTimeout(staling);
  staling = undefined;
  stale(false);
}

function stale(yes) {
  byID('stale').hidden = !yes;
  byID('board').classList.toggle('stale', yes);
  if (yes) say(byID('stale'), 'stale', { time: clock(since) });
}

function languageButton() {
  const button = byID('language');
  const show = () => {
    const english = currentLanguage() === 'en';
    write(button, english ? '中文' : 'English');
    button.lang = english ? 'zh-CN' : 'en';
  };
  button.addEventListener('click', () => {
    setLanguage(currentLanguage() === 'en' ? 'zh' : 'en');
    show();
    charts.show();
    feed.show();
    users.show();
    bans.show();
    audit.show();
    groups.show();
    messages.show();
    person.show();
    statistics.show();
    system.show();
  });
  show();
}
