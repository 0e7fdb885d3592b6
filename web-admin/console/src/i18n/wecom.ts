/**
 * WeCom's own words for its own screens. They stay as they are in every language,
 * because that is what stands on those screens.
 */
export const wecomWords = {
  apps: '应用管理 → 应用',
  view: '查看',
  reset: '重置',
};
