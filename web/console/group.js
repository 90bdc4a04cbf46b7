// One group: what it is, its members, and what an administrator may do there.

import { ask } from './ask.js';
import { byID, element, write } from './dom.js';
import { facts } from './facts.js';
import { linkToGroup } from './messages.js';
import { Paged } from './paged.js';
import { reason } from './reason.js';
import { label, put, say, translate } from './text.js';
import { count, full } from './time.js';
import { linkTo } from './views.js';

const SERVICE = 'group_open_http_svc/';
const PAGE = 50; // members read at once
const FOREVER = 4_294_967_295; // s; the longest mute there is

export class Group {
  #api;
  #id = '';
  #group;
  #members;
  #changed;
  #failed;
  #turn = 0; // the newest reading; answers of earlier ones are dropped
  #random = 0; // of the message in the form, by which timd recognises a repetition; 0: none yet
  #sending = new Set(); // IDs of the groups to which a message is on its way

  /**
   * @param {(error: Error) => void} failed called when the group cannot be read
   * @param {() => void} changed called when something was done that a list of groups shows
   */
  constructor(failed, changed) {
    this.#changed = changed;
    this.#failed = failed;
    this.#members = new Paged('members', (next) => this.#read(next), (members) => this.#write(members), (error) => this.#cannot(error));
    byID('group-mute').addEventListener('click', () => this.#muteAll());
    byID('group-dismiss').addEventListener('click', () => this.#dismiss());
    byID('group-send').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
    byID('group-send').addEventListener('input', () => (this.#random = 0));
  }

  start(api) {
    this.#api = api;
  }

  stop() {
    this.#api = undefined;
    this.open('');
  }

  /** Shows a group, or none with "". */
  open(id) {
    const other = id !== this.#id;
    this.#id = id;
    byID('group').hidden = true;
    if (other || !id) {
      this.#turn++;
      this.#group = undefined;
      this.#members.forget();
      byID('group-send').reset();
      this.#random = 0;
      put(byID('group-said'), '');
    }
    byID('group-pick').hidden = id !== '';
    if (this.#api && id) this.#load();
    else if (!id) write(byID('group-gone'), '');
  }

  show() {
    this.#describe();
    this.#members.show();
  }

  async #load() {
    const turn = ++this.#turn;
    try {
      const { GroupInfo } = await this.#api.call(`${SERVICE}get_group_info`, { GroupIdList: [this.#id] });
      if (turn !== this.#turn) return;
      const [group] = GroupInfo;
      if (group.ErrorCode) {
        this.#group = undefined;
        byID('group').hidden = true;
        write(byID('group-gone'), translate('failed', { message: reason({ code: group.ErrorCode, message: group.ErrorInfo }) }));
        return;
      }
      this.#group = group;
      this.#describe();
      write(byID('group-gone'), '');
      byID('group').hidden = false;
      this.#members.refresh();
    } catch (error) {
      if (turn === this.#turn) this.#cannot(error);
    }
  }

  #cannot(error) {
    put(byID('group').hidden ? byID('group-gone') : byID('group-said'), translate('failed', { message: reason(error) }));
    this.#failed(error);
  }

  #describe() {
    const g = this.#group;
    if (!g) return;
    put(byID('group-title'), g.Name || g.GroupId);
    byID('group-talk').href = linkToGroup(g.GroupId);
    facts('group-facts', [
      ['group.id', element('code', {}, g.GroupId)],
      ['group.type', translate(`group.type.${g.Type}`) ?? g.Type],
      ['group.owner', g.Owner_Account && element('a', { href: linkTo('users', g.Owner_Account) }, g.Owner_Account)],
      ['group.created', full(g.CreateTime * 1000)],
      ['group.members', translate('group.members.of', { n: count(g.MemberNum ?? 0), most: g.MaxMemberNum ? count(g.MaxMemberNum) : '∞' })],
      ['group.join', translate(`group.join.${g.ApplyJoinOption}`) ?? g.ApplyJoinOption],
      ['group.silence', translate(g.ShutUpAllMember === 'On' ? 'group.silence.on' : 'group.silence.off')],
      ['group.introduction', g.Introduction],
      ['group.notification', g.Notification],
    ]);
    say(byID('group-mute'), g.ShutUpAllMember === 'On' ? 'group.unmute.all' : 'group.mute.all');
  }

  async #read(next) {
    if (!this.#id) return { items: [], next: '' };
    const offset = Number(next);
    const { MemberList, MemberNum } = await this.#api.call(`${SERVICE}get_group_member_info`, { GroupId: this.#id, Limit: PAGE, Offset: offset });
    const read = offset + MemberList.length;
    return { items: MemberList, next: MemberList.length < PAGE || read >= MemberNum ? '' : String(read) };
  }

  #write(members) {
    const rows = members.map((member) => this.#row(member));
    byID('members').replaceChildren(...rows);
    byID('members').hidden = rows.length === 0;
    write(byID('members-none'), rows.length || !this.#group ? '' : translate('members.none'));
  }

  #row({ Member_Account: id, Role, NameCard, ShutUpUntil, JoinTime }) {
    const button = (key, act) => {
      const made = label(say(element('button', { type: 'button', class: 'quiet small-button' }), key), `${key}.label`, { user: id });
      made.addEventListener('click', act);
      return made;
    };
    const muted = ShutUpUntil * 1000 > Date.now();
    const until = ShutUpUntil >= FOREVER ? translate('members.muted.ever') : translate('members.muted', { time: full(ShutUpUntil * 1000) });
    const actions = Role === 'Owner' ? [] : [
      muted ? button('members.unmute', () => this.#mute(id, 0)) : button('members.mute', () => this.#mute(id, Number(byID('members-span').value))),
      button('members.remove', () => this.#remove(id)),
    ];
    return element('li', {},
      element('div', { class: 'what' }, element('a', { href: linkTo('users', id) }, id), NameCard ? ` ${NameCard}` : '',
        element('span', { class: 'detail' }, translate(`role.${Role}`) ?? Role, JoinTime ? ` · ${translate('members.since', { time: full(JoinTime * 1000) })}` : ''),
        muted ? element('span', { class: 'refused' }, until) : null),
      element('div', { class: 'buttons' }, ...actions));
  }

  async #mute(user, seconds) {
    const span = byID('members-span').selectedOptions[0].textContent;
    const args = { id: this.#id, user, span, group: this.#group.Name || this.#id };
    const body = { GroupId: this.#id, Members_Account: [user], ShutUpTime: seconds };
    const key = seconds ? 'mute' : 'unmute';
    if (await ask(key, args, () => this.#api.call(`${SERVICE}forbid_send_msg`, body))) this.#told(`members.${key}.done`, args);
  }

  async #remove(user) {
    const args = { id: this.#id, user, group: this.#group.Name || this.#id };
    const body = { GroupId: this.#id, MemberToDel_Account: [user] };
    if (!(await ask('remove', args, () => this.#api.call(`${SERVICE}delete_group_member`, body)))) return;
    this.#changed();
    if (args.id === this.#id) byID('members-title').focus(); // the button goes with its row
    this.#told('members.remove.done', args);
  }

  async #muteAll() {
    const on = this.#group.ShutUpAllMember !== 'On';
    const args = { id: this.#id, group: this.#group.Name || this.#id };
    const body = { GroupId: this.#id, ShutUpAllMember: on ? 'On' : 'Off' };
    const key = on ? 'muteall' : 'unmuteall';
    if (await ask(key, args, () => this.#api.call(`${SERVICE}modify_group_base_info`, body))) this.#told(`group.${key}.done`, args);
  }

  async #dismiss() {
    const GroupId = this.#id; // not a moment later: the browser's buttons lead to other groups beside an open question
    const args = { group: this.#group.Name || GroupId };
    if (!(await ask('dismiss', args, () => this.#api.call(`${SERVICE}destroy_group`, { GroupId })))) return;
    say(byID('groups-said'), 'group.dismiss.done', args);
    if (GroupId !== this.#id) {
      this.#changed();
      return;
    }
    location.hash = linkTo('groups');
    byID('groups-title').focus();
  }

  async #send() {
    const form = byID('group-send');
    const input = form.elements.text;
    const text = input.value.trim();
    if (!text) {
      say(byID('group-said'), 'group.send.missing');
      input.focus();
      return;
    }
    const id = this.#id;
    if (this.#sending.has(id)) {
      say(byID('group-said'), 'group.send.busy');
      return;
    }
    this.#sending.add(id);
    this.#random ||= crypto.getRandomValues(new Uint32Array(1))[0];
    const body = { GroupId: id, Random: this.#random, MsgBody: [{ MsgType: 'TIMTextElem', MsgContent: { Text: text } }] };
    try {
      await this.#api.call(`${SERVICE}send_group_msg`, body);
      if (id !== this.#id) return;
      this.#random = 0;
      form.reset();
      say(byID('group-said'), 'group.send.done');
    } catch (error) {
      if (id === this.#id) put(byID('group-said'), translate('failed', { message: reason(error) }));
    } finally {
      this.#sending.delete(id);
    }
  }

  #told(key, args) {
    if (args.id !== this.#id) return; // another group is shown by now
    say(byID('group-said'), key, args);
    this.#load();
  }
}
