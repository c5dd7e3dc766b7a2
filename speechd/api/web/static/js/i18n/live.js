export const live = {
  "live.tab": { en: "Live", de: "Live" },
};
