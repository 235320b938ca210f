/**
 * The executors of one model, which share its weights: of the class scores from the beginning; of neurons, and of what
 * follows a tensor, once somebody asks. Calls of a model are one at a time, so no executor is made twice.
 */
import type { Call } from '../calls';
import type { CompileOptions, Plan } from '../compile';
import { assertWithin } from '../compile/limits';
import type { Device } from '../gpu/device';
import { Executor } from '../gpu/executor';
import { WeightStore } from '../gpu/weightStore';
import { type Extents, type Graph, assertTensor, graphAfter } from '../graph';

/** What is differentiated: one tensor, or those that are seeded from outside. Default: the class scores. */
export type Differentiated = Pick<CompileOptions, 'target' | 'taps' | 'watching'>;

/** Compiles a graph as that of the class scores is compiled. */
export type Compile = (graph: Graph, of?: Differentiated) => Plan;

export class Executors {
  /** Of neurons, by the tensor as the graph names it: after rewriting, a layer and its ReLU may share a name. */
  private readonly ofNeurons = new Map<string, Executor>();
  /** Of tensors that are read and seeded from outside. */
  private readonly ofProbes = new Map<string, Executor>();
  /** Of neurons, and (by no name) of the scores, with their decisions watched. */
  private readonly ofWatched = new Map<string, Executor>();
  /** Of what follows a tensor. */
  private readonly ofRests = new Map<string, Executor>();
  private readonly weights: WeightStore;
  private readonly made = new Set<Executor>();

  constructor(
    private readonly device: Device,
    private readonly graph: Graph,
    private readonly compile: Compile,
  ) {
    this.weights = new WeightStore(device, graph);
  }

  async make(plan: Plan, call: Call): Promise<Executor> {
    const { device, weights } = this;
    assertWithin(plan, device.gpu.limits);
    const executor = await Executor.create({ device, plan, weights }, call);
    if (call.signal.aborted) executor.dispose();
    call.signal.throwIfAborted();
    this.made.add(executor);
    return executor;
  }

  /** @throws GradlensError `shape` for a tensor that is not in the graph */
  async ofTensor(tensor: string, call: Call): Promise<Executor> {
    return this.ofNeurons.get(tensor) ?? this.keep(this.ofNeurons, tensor, await this.make(this.planOf(tensor), call));
  }

  /**
   * Of the scores, or of a tensor, with its decisions watched.
   * @throws GradlensError `shape` for a tensor that is not in the graph
   */
  async watched(tensor: string | undefined, call: Call): Promise<Executor> {
    const key = tensor ?? '';
    if (tensor !== undefined) assertTensor(this.graph, tensor);
    const found = this.ofWatched.get(key);
    if (found) return found;
    const watching = await import('../compile/watch');
    const of = { watching, ...(tensor !== undefined && { target: tensor }) };
    return this.keep(this.ofWatched, key, await this.make(this.compile(this.graph, of), call));
  }

  /** That of a tensor, for what may not await; undefined until {@link ofTensor} made it. */
  readyOfTensor(tensor: string): Executor | undefined {
    return this.ofNeurons.get(tensor);
  }

  /**
   * Of tensors that are read and seeded from outside. @throws GradlensError `shape` for one that is not in the graph
   */
  async ofTaps(tensors: readonly string[], call: Call): Promise<Executor> {
    const key = JSON.stringify(tensors);
    return (
      this.ofProbes.get(key) ??
      this.keep(this.ofProbes, key, await this.make(this.compile(this.graph, { taps: tensors }), call))
    );
  }

  /** Of what computes the scores from a tensor. */
  async after(tensor: string, extents: Extents, call: Call): Promise<Executor> {
    return (
      this.ofRests.get(tensor) ??
      this.keep(this.ofRests, tensor, await this.make(this.compile(graphAfter(this.graph, tensor, extents)), call))
    );
  }

  dispose(): void {
    for (const executor of this.made) executor.dispose();
    this.made.clear();
    this.weights.dispose();
  }

  private keep(into: Map<string, Executor>, tensor: string, executor: Executor): Executor {
    into.set(tensor, executor);
    return executor;
  }

  private planOf(tensor: string): Plan {
    assertTensor(this.graph, tensor);
    return this.compile(this.graph, { target: tensor });
  }
}
