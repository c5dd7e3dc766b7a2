export const transcribe = {
  "transcribe.tab": { en: "Transcribe", de: "Transkribieren" },
};
