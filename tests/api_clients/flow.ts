// The whole flow of the control room by a client that openapi-typescript typed: node flow.js ADDRESS USER PASSWORD.
// It prints what it saw as one line of json, and is compiled strictly: a document that lies about a type fails there.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { argv: string[] };
const [address = "", username = "", password = ""] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: address });

function found<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) {
    throw new Error(`${answer.response.url}: ${answer.response.status} ${JSON.stringify(answer.error)}`);
  }
  return answer.data;
}

const signedIn = found(
  await client.POST("/login", {
    body: { username, password },
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    bodySerializer: (body) => new URLSearchParams({ ...body }),
  }),
);
client.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${signedIn.access_token}`);
    return request;
  },
});

const me = found(await client.GET("/me"));
const prediction = found(
  await client.POST("/v1/predictions", {
    body: { location: { postcode_district: "SE1" }, incident_type: "Fire", max_candidates: 3, explanations: "first" },
  }),
);
const first = prediction.candidates[0];
if (first === undefined) {
  throw new Error("no pump was ranked");
}
const incident = "000077-02062025";
const sent = found(
  await client.POST("/v1/mobilisations", {
    body: { incident_number: incident, pump: first.pump, prediction_id: prediction.id },
  }),
);
const states: string[] = [sent.state];
for (const event of ["mobile", "arrived", "left", "returned"] as const) {
  // the body may be left out: it happened now
  const told = found(
    await client.POST("/v1/mobilisations/{mobilisation_id}/{event}", {
      params: { path: { mobilisation_id: sent.id, event } },
    }),
  );
  states.push(told.state);
}
const read = found(
  await client.GET("/v1/mobilisations/{mobilisation_id}", { params: { path: { mobilisation_id: sent.id } } }),
);
const listed = found(
  await client.GET("/v1/mobilisations", { params: { query: { incident_number: incident } } }),
);
const again = found(
  await client.GET("/v1/predictions/{prediction_id}", { params: { path: { prediction_id: prediction.id } } }),
);
const board = found(await client.GET("/v1/board"));
const renewed = found(await client.POST("/refresh"));

console.log(
  JSON.stringify({
    user: me.user.username,
    pump: first.pump,
    announced_s: read.announced?.p50_s,
    p50_s: first.p50_s,
    states,
    is_arrived: read.arrived_at !== null,
    listed: listed.map((each) => each.id === sent.id),
    is_same_prediction: again.id === prediction.id,
    pumps: board.pumps.length > 0,
    is_renewed: renewed.access_token.length > 0,
  }),
);
