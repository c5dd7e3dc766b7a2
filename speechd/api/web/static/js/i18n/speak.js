export const speak = {
  "speak.tab": { en: "Speak", de: "Sprechen" },
};
