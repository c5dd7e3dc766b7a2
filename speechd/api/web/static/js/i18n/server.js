export const server = {
  "server.tab": { en: "Server", de: "Server" },
};
