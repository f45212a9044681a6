/** What the shop sells. Prices in cents. */
export const products = [
  { id: 'mug', picture: '☕', name: 'Enamel mug', text: 'Survives the campfire.', cents: 1400 },
  { id: 'lamp', picture: '🏮', name: 'Paper lantern', text: 'Warm light, folds flat.', cents: 2350 },
  { id: 'bag', picture: '🎒', name: 'Canvas rucksack', text: 'Twenty litres, waxed.', cents: 7900 },
  { id: 'tent', picture: '⛺', name: 'Two-person tent', text: 'Up in four minutes.', cents: 18900 },
  { id: 'map', picture: '🗺️', name: 'Folding map', text: 'Never out of battery.', cents: 950 },
  { id: 'torch', picture: '🔦', name: 'Head torch', text: 'Forty hours of light.', cents: 3200 },
];

export const productById = new Map(products.map((product) => [product.id, product]));
