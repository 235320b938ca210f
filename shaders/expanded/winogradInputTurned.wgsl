struct Dims {
  N: u32, H: u32, W: u32, P: u32, Q: u32, R: u32, S: u32, STRIDE_Y: u32, STRIDE_X: u32, PAD_TOP: u32,
  PAD_LEFT: u32, DILATION_Y: u32, DILATION_X: u32, IN: u32, OUT: u32, GROUPS: u32, TILE_ROWS: u32,
  TILE_COLUMNS: u32, TILES: u32, INPUTS: u32, X_BLOCK: u32, X_BLOCKS: u32,
}
@group(0) @binding(0) var<uniform> d: Dims;
@group(0) @binding(1) var<storage, read> x: array<vec4f>; // [N, C/4, H, W]
@group(0) @binding(2) var<storage, read_write> transformed: array<vec4f>; // [16, C/4, TILES]

fn load_x(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  let i = ((n * d.X_BLOCKS + d.X_BLOCK + b) * d.H + h) * d.W + w;
  return x[i];
}

fn index_transformed(lane: u32, b: u32, tile: u32) -> u32 {
  return (lane * d.INPUTS + b) * d.TILES + tile;
}

fn inside(n: u32, b: u32, h: u32, w: u32) -> vec4f {
  if (h < d.H && w < d.W) { return load_x(n, b, h, w); }
  return vec4f();
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= d.TILES) { return; }
  let b = id.y;
  let tile = id.x;

  let perItem = d.TILE_ROWS * d.TILE_COLUMNS;
  let n = tile / perItem;
  let h = tile % perItem / d.TILE_COLUMNS * 2u - d.PAD_TOP;
  let w = tile % d.TILE_COLUMNS * 2u - d.PAD_LEFT;
  let u0_0 = inside(n, b, h + 0u, w + 0u);
  let u0_1 = inside(n, b, h + 0u, w + 1u);
  let u0_2 = inside(n, b, h + 0u, w + 2u);
  let u0_3 = inside(n, b, h + 0u, w + 3u);
  let u1_0 = inside(n, b, h + 1u, w + 0u);
  let u1_1 = inside(n, b, h + 1u, w + 1u);
  let u1_2 = inside(n, b, h + 1u, w + 2u);
  let u1_3 = inside(n, b, h + 1u, w + 3u);
  let u2_0 = inside(n, b, h + 2u, w + 0u);
  let u2_1 = inside(n, b, h + 2u, w + 1u);
  let u2_2 = inside(n, b, h + 2u, w + 2u);
  let u2_3 = inside(n, b, h + 2u, w + 3u);
  let u3_0 = inside(n, b, h + 3u, w + 0u);
  let u3_1 = inside(n, b, h + 3u, w + 1u);
  let u3_2 = inside(n, b, h + 3u, w + 2u);
  let u3_3 = inside(n, b, h + 3u, w + 3u);
  let t0_0 = u0_0 - u2_0;
  let t0_1 = u0_1 - u2_1;
  let t0_2 = u0_2 - u2_2;
  let t0_3 = u0_3 - u2_3;
  let t1_0 = u1_0 + u2_0;
  let t1_1 = u1_1 + u2_1;
  let t1_2 = u1_2 + u2_2;
  let t1_3 = u1_3 + u2_3;
  let t2_0 = u2_0 - u1_0;
  let t2_1 = u2_1 - u1_1;
  let t2_2 = u2_2 - u1_2;
  let t2_3 = u2_3 - u1_3;
  let t3_0 = u1_0 - u3_0;
  let t3_1 = u1_1 - u3_1;
  let t3_2 = u1_2 - u3_2;
  let t3_3 = u1_3 - u3_3;
  let v0_0 = t0_0 - t0_2;
  let v1_0 = t1_0 - t1_2;
  let v2_0 = t2_0 - t2_2;
  let v3_0 = t3_0 - t3_2;
  let v0_1 = t0_1 + t0_2;
  let v1_1 = t1_1 + t1_2;
  let v2_1 = t2_1 + t2_2;
  let v3_1 = t3_1 + t3_2;
  let v0_2 = t0_2 - t0_1;
  let v1_2 = t1_2 - t1_1;
  let v2_2 = t2_2 - t2_1;
  let v3_2 = t3_2 - t3_1;
  let v0_3 = t0_1 - t0_3;
  let v1_3 = t1_1 - t1_3;
  let v2_3 = t2_1 - t2_3;
  let v3_3 = t3_1 - t3_3;
  let to = index_transformed(0u, b, tile);
  let apart = d.INPUTS * d.TILES;
  transformed[to + (4u * 3u + 3u) * apart] = v0_0;
  transformed[to + (4u * 3u + 1u) * apart] = v0_1;
  transformed[to + (4u * 3u + 2u) * apart] = v0_2;
  transformed[to + (4u * 3u + 0u) * apart] = v0_3;
  transformed[to + (4u * 1u + 3u) * apart] = v1_0;
  transformed[to + (4u * 1u + 1u) * apart] = v1_1;
  transformed[to + (4u * 1u + 2u) * apart] = v1_2;
  transformed[to + (4u * 1u + 0u) * apart] = v1_3;
  transformed[to + (4u * 2u + 3u) * apart] = v2_0;
  transformed[to + (4u * 2u + 1u) * apart] = v2_1;
  transformed[to + (4u * 2u + 2u) * apart] = v2_2;
  transformed[to + (4u * 2u + 0u) * apart] = v2_3;
  transformed[to + (4u * 0u + 3u) * apart] = v3_0;
  transformed[to + (4u * 0u + 1u) * apart] = v3_1;
  transformed[to + (4u * 0u + 2u) * apart] = v3_2;
  transformed[to + (4u * 0u + 0u) * apart] = v3_3;
}
