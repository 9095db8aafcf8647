// @ts-check
// The map of New call: outlines, the Thames, stations with their pumps, the place, the routes of the ticked pumps by road, and streets if
// the service has a file of them.

import {
  Attribution, CircleStyle, Feature, Fill, GeoJSON, KeyboardPan, KeyboardZoom, MVT, OlMap, Point, RegularShape, Stroke, Style, Text,
  VectorLayer, VectorSource, VectorTileLayer, VectorTileSource, View, defaultInteractions, fromLonLat, toLonLat,
} from "./vendor/ol.js";
import {byId, fetchPart, onKey, onLive, say, texts} from "./live.js";

/** @typedef {{code: string, name: string, longitude: number, latitude: number, pumps: string[]}} Station */
/** @typedef {{outlines: object, thames: object, stations: Station[], attribution: string, tiles: null | {min: number, max: number, attribution: string}}} MapData */

const LONDON = [-0.09, 51.5], CITY_ZOOM = 10.5, PLACE_ZOOM = 15, NAMES_ZOOM = 13, MARGIN_PX = 40;
const DAY = {
  ground: "#f3f3f0", green: "#dfe8dc", water: "#bcd3e6", road: "#ffffff", edge: "#c3c7ca", rail: "#b5b5b5", line: "#8a939a",
  text: "#16191c", halo: "#ffffff", pump: "#16191c", place: "#0b4f8a",
};
const NIGHT = {
  ground: "#15181b", green: "#1a241c", water: "#1d3448", road: "#3a4046", edge: "#22262a", rail: "#45494d", line: "#5d666e",
  text: "#e4e6e8", halo: "#101214", pump: "#e4e6e8", place: "#8fc1f7",
};
const isNight = () => getComputedStyle(document.documentElement).colorScheme === "dark" ||
  (document.documentElement.dataset.theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
let colours = DAY;

/** Width of a road by its class and the resolution (m per pixel). @param {string} road @param {number} resolution */
function roadWidth(road, resolution) {
  const base = {motorway: 14, trunk: 14, primary: 12, secondary: 10, tertiary: 9, minor: 7, service: 3}[road];
  return base && Math.min(base, Math.max(road === "minor" || road === "service" ? 0 : 0.8, (base * 1.6) / resolution));
}

/** Streets are grey: orange means late. @param {import("ol/Feature.js").FeatureLike} feature @param {number} resolution */
function ground(feature, resolution) {
  const layer = feature.get("layer"), kind = feature.get("class");
  if (layer === "water") return new Style({fill: new Fill({color: colours.water}), zIndex: 1});
  if (layer === "park" || (layer === "landcover" && kind !== "sand") || (layer === "landuse" && kind === "cemetery"))
    return new Style({fill: new Fill({color: colours.green}), zIndex: 0});
  if (layer !== "transportation") return undefined;
  if (kind === "rail") return new Style({stroke: new Stroke({color: colours.rail, width: 1}), zIndex: 2});
  const width = roadWidth(kind, resolution);
  if (!width) return undefined;
  // from afar one line for each road, the darker of the two by day: drawing both takes the browser half as long again
  if (width < 2) return new Style({stroke: new Stroke({color: colours === NIGHT ? colours.road : colours.edge, width: width + 0.4}), zIndex: 3});
  return [
    new Style({stroke: new Stroke({color: colours.edge, width: width + 2}), zIndex: 3}),
    new Style({stroke: new Stroke({color: colours.road, width}), zIndex: 4}),
  ];
}
/** @param {import("ol/Feature.js").FeatureLike} feature */
function names(feature) {
  const name = feature.get("name_en") || feature.get("name"), layer = feature.get("layer");
  if (!name || !["transportation_name", "place", "water_name"].includes(layer)) return undefined;
  const isPlace = layer === "place";
  return new Style({text: new Text({
    text: name, placement: isPlace ? "point" : "line", font: `${isPlace ? "600 14px" : "13px"} system-ui, sans-serif`,
    fill: new Fill({color: colours.text}), stroke: new Stroke({color: colours.halo, width: 3}), maxAngle: 0.6,
  })});
}

/** @type {Record<string, string>} */
let away = {};
/** @type {Set<string>} */
let ticked = new Set(), unknown = new Set();
/** A station: filled if a pump is in, hollow if none is, dashed if that is not known, blue where a ticked pump comes from.
 * @param {import("ol/Feature.js").FeatureLike} feature @param {number} resolution */
function station(feature, resolution) {
  /** @type {string[]} */
  const pumps = feature.get("pumps");
  const isIn = pumps.some((pump) => !away[pump] && !unknown.has(pump)), lineDash = !isIn && pumps.some((pump) => unknown.has(pump)) ? [3, 3] : undefined;
  const color = pumps.some((pump) => ticked.has(pump)) ? colours.place : colours.pump;
  return new Style({
    image: new RegularShape({points: 4, angle: Math.PI / 4, radius: 8, fill: new Fill({color: isIn ? color : colours.ground}), stroke: new Stroke({color: isIn ? colours.halo : color, width: 2, lineDash})}),
    text: resolution > 40 ? undefined : new Text({
      text: `${feature.get("name")} ${feature.get("code")}`, offsetY: 26, font: "600 13px system-ui, sans-serif", padding: [2, 4, 2, 4],
      fill: new Fill({color: colours.text}), backgroundFill: new Fill({color: colours.halo}),
    }),
    zIndex: 5,
  });
}
const place = () => [
  new Style({image: new CircleStyle({radius: 13, stroke: new Stroke({color: colours.halo, width: 7})}), zIndex: 9}),
  new Style({image: new CircleStyle({radius: 13, stroke: new Stroke({color: colours.place, width: 4})}), zIndex: 10}),
];
/** A route: blue as all that is selected, on a casing that parts it from streets and names. */
const way = () => [
  new Style({stroke: new Stroke({color: colours.halo, width: 10}), zIndex: 1}),
  new Style({stroke: new Stroke({color: colours.place, width: 5}), zIndex: 2}),
];
/** The stations where the ticked pumps stand, each once. @returns {string[]} */
const starts = () => [...new Set([...ticked].map((pump) =>
  /** @type {HTMLElement | null} */ (document.querySelector(`tr[data-pump="${CSS.escape(pump)}"]`))?.dataset.station ?? ""))].filter(Boolean);
const outline = () => new Style({stroke: new Stroke({color: colours.line, width: 1.5, lineDash: [6, 4]})});
const river = () => new Style({fill: new Fill({color: colours.water})});

/** @param {HTMLElement} panel @param {(latitude: number, longitude: number) => void} takePoint */
export async function start(panel, takePoint) {
  const response = await fetchPart("/console/map.json").catch(() => null);
  if (!response?.ok) return;
  /** @type {MapData} */
  const data = await response.json();
  panel.hidden = false;
  const target = byId("map");
  // the panel has its size from the next frame on
  await new Promise(requestAnimationFrame);
  const read = (/** @type {object} */ json) => new VectorSource({features: new GeoJSON({featureProjection: "EPSG:3857"}).readFeatures(json)});
  const marks = new VectorSource(), routes = new VectorSource();
  const stations = new VectorSource({features: data.stations.map(({longitude, latitude, ...about}) =>
    new Feature({...about, geometry: new Point(fromLonLat([longitude, latitude]))}))});
  const layers = [new VectorLayer({source: read(data.thames), style: river}), new VectorLayer({source: read(data.outlines), style: outline}), new VectorLayer({source: routes, style: way})];
  if (data.tiles) {
    const source = new VectorTileSource({
      format: new MVT(), url: "/console/tiles/{z}/{x}/{y}.mvt", minZoom: data.tiles.min, maxZoom: data.tiles.max,
      attributions: data.tiles.attribution,
    });
    source.on("tileloaderror", () => { byId("map-said").textContent = texts.streets_missing; });
    // the river of the file lies below the tiles: it fills what they lack
    layers.splice(1, 0, /** @type {any} */ (new VectorTileLayer({source, style: ground, renderMode: "hybrid"})));
    layers.push(/** @type {any} */ (new VectorTileLayer({source, style: names, declutter: true, minZoom: NAMES_ZOOM})));
  }
  layers.push(new VectorLayer({source: stations, style: station, declutter: true}), new VectorLayer({source: marks, style: place}));
  const view = new View({center: fromLonLat(LONDON), zoom: CITY_ZOOM, maxZoom: 19, enableRotation: false});
  const map = new OlMap({
    target, layers, view,
    controls: [new Attribution({target: byId("map-sources"), collapsible: false, attributions: data.attribution})],
    // nothing moves by itself: no animation of keys, wheel or drags
    interactions: defaultInteractions({zoomDuration: 0, keyboard: false, altShiftDragRotate: false, pinchRotate: false})
      .extend([new KeyboardPan({duration: 0}), new KeyboardZoom({duration: 0})]),
  });
  const paint = () => {
    colours = isNight() ? NIGHT : DAY;
    target.style.background = colours.ground;
    for (const layer of layers) layer.changed();
  };
  const show = () => {
    const point = document.getElementById("understood");
    marks.clear();
    if (!point) return;
    const where = fromLonLat([Number(point.dataset.longitude), Number(point.dataset.latitude)]);
    marks.addFeature(new Feature(new Point(where)));
    // of which place it is drawn: `drawn` alone may be that of the place before
    Object.assign(target.dataset, {state: "drawing", latitude: point.dataset.latitude});
    view.setCenter(where);
    // the place stays in the middle; the stations of the ticked pumps are in sight if street names still are
    const from = starts(), [width, height] = map.getSize() ?? [0, 0];
    const needed = stations.getFeatures().filter((each) => from.includes(each.get("code"))).map((each) => {
      const [x, y] = /** @type {Point} */ (each.getGeometry()).getCoordinates();
      return Math.max(Math.abs(x - where[0]) / Math.max(1, width / 2 - MARGIN_PX), Math.abs(y - where[1]) / Math.max(1, height / 2 - MARGIN_PX));
    });
    const closest = view.getResolutionForZoom(data.tiles ? PLACE_ZOOM : NAMES_ZOOM);
    view.setResolution(Math.min(Math.max(closest, ...needed), view.getResolutionForZoom(NAMES_ZOOM)));
  };
  let known = new Map(), knownAt = "", drawings = 0;
  /** Draws the routes of the ticked pumps, one of each station. */
  const drawRoutes = async () => {
    const mine = ++drawings, point = document.getElementById("understood")?.dataset, from = point ? starts() : [];
    const at = point ? `latitude=${point.latitude}&longitude=${point.longitude}` : "";
    if (at !== knownAt) {
      [known, knownAt] = [new Map(), at];
      routes.clear();
    }
    target.dataset.routes = from.length ? "asking" : "none";
    const asked = known;
    const found = await Promise.all(from.map((station) => {
      if (!asked.has(station)) asked.set(station, fetchPart(`/console/route?station=${station}&${at}`).then(
        async (answer) => answer.status === 204 ? null : answer.ok ? await answer.json() : undefined).catch(() => undefined));
      return asked.get(station);
    }));
    // what could not be read is asked again next time
    from.forEach((station, i) => { if (found[i] === undefined) asked.delete(station); });
    // an answer that belongs to an older list, or to other ticks, is dropped
    if (mine !== drawings) return;
    const drawn = found.filter(Boolean), lacking = from.filter((_, i) => found[i] === null), failed = found.includes(undefined);
    routes.clear();
    routes.addFeatures(drawn.map((each) => /** @type {Feature} */ (new GeoJSON({featureProjection: "EPSG:3857"}).readFeature(each))));
    const attribution = drawn[0]?.properties.attribution;
    // the control takes markup, and an attribution is text; that of the streets may say the same
    if (attribution && !byId("map-sources").textContent.includes(attribution))
      routes.setAttributions(Object.assign(document.createElement("i"), {textContent: attribution}).innerHTML);
    byId("routes-said").textContent = failed ? texts.routes_failed : !lacking.length ? "" :
      drawn.length ? say("no_way", {stations: lacking.join(", ")}) : texts.no_roads;
    target.dataset.routesFrom = drawn.map((each) => each.properties.station).join(" ");
    target.dataset.routes = failed ? "failed" : drawn.length ? "drawn" : from.length ? "missing" : "none";
  };
  const take = (/** @type {number[]} */ at) => { const [longitude, latitude] = toLonLat(at); takePoint(latitude, longitude); };
  const zoom = (/** @type {number} */ by) => view.setZoom((view.getZoom() ?? CITY_ZOOM) + by);
  map.on("singleclick", (event) => take(event.coordinate));
  target.addEventListener("keydown", (event) => { if (event.key === "Enter") take(view.getCenter() ?? fromLonLat(LONDON)); });
  byId("map-in").addEventListener("click", () => zoom(1));
  byId("map-out").addEventListener("click", () => zoom(-1));
  byId("map-here").addEventListener("click", () => take(view.getCenter() ?? fromLonLat(LONDON)));
  onKey("Alt+M", () => target.focus());
  onLive((live) => { away = live.away; unknown = new Set(live.unknown); stations.changed(); });
  document.addEventListener("ranked", () => { show(); void drawRoutes(); });
  document.addEventListener("ticked", (event) => {
    ticked = new Set(/** @type {CustomEvent} */ (event).detail);
    stations.changed();
    // after the list is painted, as everything that the map does
    requestAnimationFrame(() => setTimeout(drawRoutes));
  });
  document.addEventListener("themechange", paint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  map.on("rendercomplete", () => { target.dataset.state = "drawn"; });
  map.on("movestart", () => { target.dataset.state = "drawing"; });
  // a list that stood there before this module was loaded
  ticked = new Set([.../** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("#list input[name=pump]:checked"))].map((each) => each.value));
  paint();
  show();
  void drawRoutes();
}
