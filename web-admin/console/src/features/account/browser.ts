// The first that is found counts: each of them also calls itself by the later ones.
const browsers: [RegExp, string][] = [
  [/wxwork\//i, 'WeCom'],
  [/MicroMessenger\//i, 'WeChat'],
  [/Edg(?:e|A|iOS)?\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/HeadlessChrome\/|Chrome\/|CriOS\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];
const systems: [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux|X11/, 'Linux'],
];

const named = (table: [RegExp, string][], agent: string) => table.find(([sign]) => sign.test(agent))?.[1];

/** The name of a browser as people know it, else what it calls itself; undefined where it says nothing. */
export function browserOf(agent: string): string | undefined {
  const browser = named(browsers, agent);
  const system = named(systems, agent);
  return browser ? [browser, system].filter(Boolean).join(' · ') : agent || undefined;
}
