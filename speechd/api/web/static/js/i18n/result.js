export const result = {
  "result.tab": { en: "Transcript", de: "Transkript" },
};
