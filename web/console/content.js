// What a message says, in plain words: whatever a user has sent stays text, and
// files are links that open by themselves.

import { element } from './dom.js';
import { translate } from './text.js';
import { count, size } from './time.js';

const MEDIA = /^\/media\/\d+\/[\w.-]+$/;

/** The elements that show a MsgBody. */
export function content(body) {
  return body.flatMap(({ MsgType, MsgContent }) => (shown[MsgType] ?? other)(MsgContent ?? {}, MsgType));
}

const shown = {
  TIMTextElem: ({ Text }) => [text(Text)],
  TIMImageElem: ({ ImageInfoArray: [image] = [] }) => {
    const words = translate('talk.image', { width: image?.Width, height: image?.Height, size: size(image?.Size ?? 0) });
    const url = mediaURL(image?.URL);
    return [url ? link(url, element('img', { src: `${url}_198`, alt: '', loading: 'lazy' }), words) : detail(words)];
  },
  TIMSoundElem: ({ Url, Second = 0, Size = 0 }) => [file(Url, 'talk.sound', { seconds: count(Second), size: size(Size) })],
  TIMVideoFileElem: ({ VideoUrl, VideoSecond = 0, VideoSize = 0 }) =>
    [file(VideoUrl, 'talk.video', { seconds: count(VideoSecond), size: size(VideoSize) })],
  TIMFileElem: ({ Url, FileName = '', FileSize = 0 }) => [file(Url, 'talk.file', { name: FileName, size: size(FileSize) })],
  TIMFaceElem: ({ Index, Data = '' }) => [detail(translate('talk.face', { index: Index, data: Data }))],
  TIMLocationElem: ({ Desc = '', Latitude, Longitude }) =>
    [detail(translate('talk.location', { name: Desc, latitude: Latitude, longitude: Longitude }))],
  TIMCustomElem: ({ Data, Desc, Ext }) => [detail(translate('talk.custom')), ...[Data, Desc, Ext].filter(Boolean).map(text)],
  TIMRelayElem: ({ Title = '', AbstractList = [] }) => [detail(translate('talk.merged', { title: Title })), ...AbstractList.map(text)],
  TIMGroupTipElem: ({ operationType, operatorID = '', userIDList = [] }) =>
    [detail(translate(`talk.tip.${operationType}`, { admin: operatorID, users: userIDList.join(', ') }) ?? translate('talk.tip'))],
};

const other = (_, type) => [detail(translate('talk.other', { type }))];

const text = (words) => element('p', { class: 'words' }, String(words ?? ''));
const detail = (words) => element('p', { class: 'detail' }, words);

function file(path, key, args) {
  const url = mediaURL(path);
  return url ? link(url, translate(key, args)) : detail(translate(key, args));
}

function link(url, ...children) {
  return element('a', { class: 'media', href: url, target: '_blank', rel: 'noopener noreferrer' }, ...children);
}

/** The address of a file of the app on this timd; undefined for any other address. */
function mediaURL(path) {
  return MEDIA.test(path ?? '') ? new URL(`..${path}`, import.meta.url).href : undefined;
}
