"""Tree models against scikit-learn, XGBoost and LightGBM on the same tables in one run; groups against scikit-learn and tslearn.

usage: python compare.py [--trees-bench BINARY] [--rounds 3] [--seeds 5] [--cases DIR] [--out DIR]

With --trees-bench (built by `cargo build --release -p learning --example trees_bench`) the models are fitted and timed. Every timed run is a
process of its own on one thread, the clock is its processor time, programs alternate, the fastest round of each counts. With --cases the
answers of the other programs are written as cases (cases/learning-trees), which the crate's tests compare with.

Packages: scikit-learn==1.9.1 xgboost-cpu==3.2.0 lightgbm==4.7.0 tslearn==0.10.0 shap==0.51.0
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402


# ---------------------------------------------------------------- tables

def friedman(rows, seed):
    rng = np.random.default_rng(seed)
    x = rng.random((rows, 10))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4] + rng.normal(size=rows)
    return x, y


def halves(x, y, seed, part=0.5):
    """Rows to fit to (0) and to predict (1)."""
    test = (np.random.default_rng(seed).random(len(y)) < part).astype(int)
    return x, y, test


def table(name, seed):
    """Features, answers, and which rows are predicted."""
    from sklearn import datasets
    if name == "friedman-5000":
        return halves(*friedman(10000, 1), 1)
    if name == "friedman-50000":
        return halves(*friedman(60000, 2), 1, 1 / 6)
    if name == "diabetes":
        d = datasets.load_diabetes()
        return halves(d.data, d.target, 100 + seed, 0.3)
    if name == "breast-cancer":
        d = datasets.load_breast_cancer()
        return halves(d.data, 1.0 - d.target, 100 + seed, 0.3)
    if name == "classes-5000":
        x, y = datasets.make_classification(10000, 20, n_informative=8, n_redundant=4, flip_y=0.05, class_sep=0.8, random_state=3)
        return halves(x, y.astype(float), 1)
    if name == "classes-50000":
        x, y = datasets.make_classification(60000, 20, n_informative=8, n_redundant=4, flip_y=0.05, class_sep=0.8, random_state=4)
        return halves(x, y.astype(float), 1, 1 / 6)
    if name == "odd-10000":
        rng = np.random.default_rng(5)
        x = np.concatenate([rng.normal(size=(9000, 8)), rng.normal(4, 0.5, size=(9000, 8)), rng.uniform(-4, 8, size=(2000, 8))])
        y = np.repeat([0.0, 0.0, 1.0], [9000, 9000, 2000])
        return halves(x, y, 1)
    if name == "odd-breast-cancer":
        # Benign rows and a few malignant ones among them.
        d = datasets.load_breast_cancer()
        rng = np.random.default_rng(6 + seed)
        benign, malignant = np.flatnonzero(d.target == 1), np.flatnonzero(d.target == 0)
        rows = np.concatenate([benign, rng.choice(malignant, 40, replace=False)])
        return halves(d.data[rows], 1.0 - d.target[rows], 100 + seed)
    raise KeyError(name)


def write_table(path, x, y, test):
    head = ",".join(["test", "y"] + [f"f{i}" for i in range(x.shape[1])])
    np.savetxt(path, np.column_stack([test, y, x]), delimiter=",", header=head, comments="", fmt=["%d"] + ["%.17g"] * (x.shape[1] + 1))


TASKS = [
    ("forest-number", "friedman-5000", ["scikit-learn"]),
    ("forest-number", "diabetes", ["scikit-learn"]),
    ("forest-class", "classes-5000", ["scikit-learn"]),
    ("forest-class", "breast-cancer", ["scikit-learn"]),
    ("isolation", "odd-10000", ["scikit-learn"]),
    ("isolation", "odd-breast-cancer", ["scikit-learn"]),
    ("boosting-number", "friedman-50000", ["xgboost", "lightgbm"]),
    ("boosting-number", "diabetes", ["xgboost", "lightgbm"]),
    ("boosting-class", "classes-50000", ["xgboost", "lightgbm"]),
    ("boosting-class", "breast-cancer", ["xgboost", "lightgbm"]),
]


# ---------------------------------------------------------------- a timed run of another program, in a process of its own

def model_of(program, task, seed, rows):
    if program == "scikit-learn":
        from sklearn import ensemble
        if task == "forest-number":
            return ensemble.RandomForestRegressor(100, random_state=seed, n_jobs=1)
        if task == "forest-class":
            return ensemble.RandomForestClassifier(100, random_state=seed, n_jobs=1)
        return ensemble.IsolationForest(n_estimators=100, max_samples=min(256, rows), random_state=seed, n_jobs=1)
    # The settings of `boosting::Options::new`.
    if program == "xgboost":
        import xgboost
        kind = xgboost.XGBClassifier if task == "boosting-class" else xgboost.XGBRegressor
        return kind(n_estimators=100, learning_rate=0.1, max_depth=6, reg_lambda=1, gamma=0, min_child_weight=1, max_bin=255,
                    tree_method="hist", n_jobs=1, random_state=seed)
    import lightgbm
    kind = lightgbm.LGBMClassifier if task == "boosting-class" else lightgbm.LGBMRegressor
    return kind(n_estimators=100, learning_rate=0.1, max_depth=6, num_leaves=64, reg_lambda=1, min_child_samples=1, min_child_weight=1,
                min_split_gain=0, max_bin=255, n_jobs=1, random_state=seed, verbose=-1)


def other(program, task, path, out, seed):
    import time
    data = np.loadtxt(path, delimiter=",", skiprows=1)
    test = data[:, 0] == 1
    x, y, x_test = np.ascontiguousarray(data[~test, 2:]), data[~test, 1], np.ascontiguousarray(data[test, 2:])
    # What a library does once, at its first use, does not count.
    warm = model_of(program, task, 0, 200)
    warm.fit(x[:200], y[:200])
    (warm.score_samples if task == "isolation" else warm.predict_proba if task.endswith("class") else warm.predict)(x_test[:5])
    def fit():
        model = model_of(program, task, seed, len(y))
        return model.fit(x) if task == "isolation" else model.fit(x, y)

    def score():
        if task == "isolation":
            return -model.score_samples(x_test)
        return model.predict_proba(x_test)[:, 1] if task.endswith("class") else model.predict(x_test)

    def timed(call):
        """What is quick is done again and again, for 0.3 s."""
        at, calls = time.process_time(), 0
        while True:
            done, calls = call(), calls + 1
            spent = time.process_time() - at
            if spent >= 0.3:
                return spent / calls, done

    fit_s, model = timed(fit)
    score_s, said = timed(score)
    np.savetxt(out, said, fmt="%.17g")
    print(json.dumps({"fit_s": fit_s, "score_s": score_s}))


def run(program, binary, task, path, out, seed):
    if program == "GridTwin":
        command = [binary, task, str(path), str(out), str(seed)]
    else:
        command = [sys.executable, __file__, "--other", program, task, str(path), str(out), str(seed)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(printed.strip().splitlines()[-1])


def measure(binary, rounds, seeds, folder, only):
    from sklearn import metrics
    rows, missed = [], []
    for task, name, programs in TASKS:
        if only and only not in f"{task} {name}":
            continue
        programs = ["GridTwin", *programs]
        figures = {p: [] for p in programs}
        times = {p: {"fit_s": [], "score_s": []} for p in programs}
        for seed in range(1, seeds + 1):
            x, y, test = table(name, seed)
            path = folder / f"{name}-{seed}.csv"
            write_table(path, x, y, test)
            for round_ in range(rounds if seed == 1 else 1):
                for p in programs:
                    out = folder / "said.csv"
                    t = run(p, binary, task, path, out, seed)
                    if seed == 1:
                        for key in t:
                            times[p][key].append(t[key])
                    if round_ == 0:
                        said, came = np.loadtxt(out), y[test == 1]
                        is_number = task.endswith("number")
                        figures[p].append(metrics.r2_score(came, said) if is_number else metrics.roc_auc_score(came, said))
        ours = np.array(figures["GridTwin"])
        for p in programs[1:]:
            theirs = np.array(figures[p])
            # Paired by seed (the same rows), so that the luck of a split is in neither.
            gap = ours - theirs
            error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else 0.0
            best = {k: (min(times["GridTwin"][k]), min(times[p][k])) for k in ("fit_s", "score_s")}
            ratio = {k: v[1] / v[0] for k, v in best.items()}
            good = gap.mean() >= -max(3 * error, 0.003)
            if not good:
                missed.append(f"{task} {name}: {gap.mean():+.4f} against {p}")
            for k in ratio:
                if ratio[k] < 1:
                    missed.append(f"{task} {name}: {k} {ratio[k]:.2f} times as fast as {p}")
            measure_ = "R²" if task.endswith("number") else "AUC"
            rows.append([task, name, measure_, f"{ours.mean():.4f}", p, f"{theirs.mean():.4f}", f"{gap.mean():+.4f} ± {error:.4f}",
                         f"{best['fit_s'][0] * 1e3:.1f}", f"{best['fit_s'][1] * 1e3:.1f}", f"{ratio['fit_s']:.1f}",
                         f"{best['score_s'][0] * 1e3:.2f}", f"{best['score_s'][1] * 1e3:.2f}", f"{ratio['score_s']:.1f}"])
            print("| " + " | ".join(rows[-1]) + " |", flush=True)
    print("\nmissed:" if missed else "\nnothing missed")
    for m in missed:
        print(" ", m)
    return bool(missed)


# ---------------------------------------------------------------- answers of the other programs, as cases

def dump(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value) + "\n")


def case_metrics(folder):
    from sklearn import metrics
    rng = np.random.default_rng(1)
    came = rng.random(80) < 0.4
    said = np.clip(np.round(0.35 * came + 0.6 * rng.random(80), 2), 0.01, 0.99)
    a, s = rng.normal(50, 20, 60), None
    s = a + rng.normal(0, 8, 60)
    dump(folder / "metrics.json", {
        "came": [bool(c) for c in came], "said": said.tolist(), "actual": a.tolist(), "predicted": s.tolist(),
        "auc": metrics.roc_auc_score(came, said), "average_precision": metrics.average_precision_score(came, said),
        "brier": metrics.brier_score_loss(came, said), "log_loss": metrics.log_loss(came, said),
        "precision": metrics.precision_score(came, said >= 0.5), "recall": metrics.recall_score(came, said >= 0.5),
        "f1": metrics.f1_score(came, said >= 0.5), "r2": metrics.r2_score(a, s), "mae": metrics.mean_absolute_error(a, s),
        "rmse": metrics.root_mean_squared_error(a, s), "mape_pct": 100 * metrics.mean_absolute_percentage_error(a, s),
        "pinball_0.9": metrics.mean_pinball_loss(a, s, alpha=0.9),
    })


def case_groups(folder):
    from sklearn import cluster, datasets, metrics
    blobs, _ = datasets.make_blobs(300, 3, centers=5, cluster_std=1.4, random_state=1)
    start = blobs[:5]
    km = cluster.KMeans(5, init=start, n_init=1, max_iter=300, tol=0, algorithm="lloyd").fit(blobs)
    moons, _ = datasets.make_moons(400, noise=0.09, random_state=2)
    db = cluster.DBSCAN(eps=0.13, min_samples=6).fit(moons)
    dump(folder / "groups.json", {
        "blobs": blobs.tolist(), "start": start.tolist(), "kmeans_labels": km.labels_.tolist(), "kmeans_centres": km.cluster_centers_.tolist(),
        "kmeans_inertia": km.inertia_, "silhouette": metrics.silhouette_samples(blobs, km.labels_).tolist(),
        "moons": moons.tolist(), "reach": 0.13, "least": 6, "dbscan_labels": db.labels_.tolist(),
        "dbscan_core": db.core_sample_indices_.tolist(),
    })


def case_curves(folder):
    from tslearn import barycenters, clustering, metrics
    rng = np.random.default_rng(3)
    hours = np.arange(24)
    peaks = np.where(np.arange(45) % 3 == 0, 7, np.where(np.arange(45) % 3 == 1, 13, 19)) + rng.uniform(-2, 2, 45)
    days = np.exp(-(hours - peaks[:, None]) ** 2 / 6) + 0.08 * rng.normal(size=(45, 24))
    short = days[:6, :17]
    start = days[[0, 1, 2]]
    answers = {}
    for name, extra in (("full", {}), ("band", {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": 3})):
        pairs = [[metrics.dtw(a, b, **extra) for b in days[6:12]] for a in short]
        same = [[metrics.dtw(a, b, **extra) for b in days[6:12]] for a in days[:6]]
        km = clustering.TimeSeriesKMeans(3, metric="dtw", init=start[:, :, None].copy(), n_init=1, max_iter=50, max_iter_barycenter=100,
                                         metric_params=dict(extra), random_state=0).fit(days)
        mean = barycenters.dtw_barycenter_averaging(days[::3], init_barycenter=days[0], max_iter=100, metric_params=dict(extra))
        answers[name] = {"unequal": pairs, "equal": same, "labels": km.labels_.tolist(), "inertia": km.inertia_ * len(days),
                         "mean": mean[:, 0].tolist(), "mean_cost": sum(metrics.dtw(mean[:, 0], d, **extra) ** 2 for d in days[::3])}
    dump(folder / "curves.json", {"days": days.tolist(), "short": 17, "radius": 3, **answers})


def case_isotonic(folder):
    from sklearn import isotonic
    rng = np.random.default_rng(4)
    score = np.round(rng.normal(size=120), 1)
    came = rng.random(120) < 1 / (1 + np.exp(-2 * score))
    fitted = isotonic.IsotonicRegression(out_of_bounds="clip").fit(score, came)
    at = np.linspace(-4, 4, 81) + 0.013
    dump(folder / "isotonic.json", {"score": score.tolist(), "came": [bool(c) for c in came], "at": at.tolist(),
                                    "probability": fitted.predict(at).tolist()})


def stored(children_left, children_right, feature, threshold, value, cover, missing_right=None):
    """A tree as GridTwin keeps it: children side by side, after their parent."""
    order, place = [0], {0: 0}
    for node in order:
        if children_left[node] >= 0:
            for child in (children_left[node], children_right[node]):
                place[child] = len(order)
                order.append(child)
    inner = [children_left[n] >= 0 for n in order]
    return {"feature": [int(feature[n]) if i else -1 for n, i in zip(order, inner)],
            "threshold": [float(threshold[n]) if i else 0.0 for n, i in zip(order, inner)],
            "left": [place[children_left[n]] if i else 0 for n, i in zip(order, inner)], "missing_right": [place[n] for n, i in zip(order, inner) if i and missing_right is not None and missing_right[n]], "width": 1,
            "values": [float(value[n]) for n in order], "covers": [float(cover[n]) for n in order]}


def case_reasons(folder):
    import shap
    from sklearn import ensemble
    x, y = friedman(400, 7)
    # scikit-learn compares numbers of 32 bits.
    x = x.astype(np.float32).astype(float)
    forest = ensemble.RandomForestRegressor(6, max_depth=8, random_state=1).fit(x, y)
    explainer = shap.TreeExplainer(forest, feature_perturbation="tree_path_dependent")
    rows = x[:15]
    trees = [stored(t.children_left, t.children_right, t.feature, t.threshold, t.value[:, 0, 0], t.weighted_n_node_samples)
             for t in (e.tree_ for e in forest.estimators_)]
    dump(folder / "reasons.json", {"trees": trees, "rows": rows.tolist(), "base": float(np.ravel(explainer.expected_value)[0]),
                                   "contributions": explainer.shap_values(rows).tolist(), "predicted": forest.predict(rows).tolist()})


def stored_booster(booster):
    """The trees of XGBoost as GridTwin keeps them. What is less than a split goes left there, what is not above it here."""
    trees = []
    for _, nodes in booster.trees_to_dataframe().groupby("Tree"):
        nodes = nodes.sort_values("Node").reset_index(drop=True)
        inner = nodes.Feature != "Leaf"
        number = {i: n for i, n in zip(nodes.ID, nodes.Node)}
        child = {side: [number[i] if f else -1 for i, f in zip(nodes[side], inner)] for side in ("Yes", "No", "Missing")}
        feature = [int(f[1:]) if i else -1 for f, i in zip(nodes.Feature, inner)]
        threshold = [np.nextafter(np.float64(t), -np.inf) if i else 0.0 for t, i in zip(nodes.Split, inner)]
        trees.append(stored(child["Yes"], child["No"], feature, threshold, np.where(inner, 0.0, nodes.Gain), nodes.Cover,
                            [m == n for m, n in zip(child["Missing"], child["No"])]))
    return trees


def case_boosting(folder):
    import xgboost
    rng = np.random.default_rng(8)
    x = rng.integers(0, 30, size=(300, 5)).astype(float)
    y = np.sin(x[:, 0] / 5) * 4 + 0.1 * x[:, 1] * (x[:, 2] > 15) + rng.normal(size=300)
    holes = rng.random(x.shape) < 0.1
    x[holes] = np.nan
    y = y + 2 * holes[:, 0]
    came = (y > 1.5).astype(float)
    answers = {}
    for name, target, objective in (("squared", y, "reg:squarederror"), ("logistic", came, "binary:logistic")):
        for gamma in (0.0, 2.0):
            # The library compares the gain without its half with gamma.
            settings = {"objective": objective, "eta": 0.3, "max_depth": 4, "lambda": 1.5, "gamma": gamma, "min_child_weight": 2, "max_bin": 256,
                        "tree_method": "hist", "nthread": 1, "base_score": float(target.mean())}
            data = xgboost.DMatrix(x, label=target)
            booster = xgboost.train(settings, data, 20)
            answers[f"{name}-{gamma:g}"] = {"margins": booster.predict(data, output_margin=True).astype(float).tolist()}
            if name == "squared" and gamma == 2:
                answers["trees"] = stored_booster(booster)
                answers["contributions"] = booster.predict(data, pred_contribs=True)[:30].astype(float).tolist()
    table_ = [[None if np.isnan(v) else v for v in row] for row in x]
    dump(folder / "boosting.json", {"x": table_, "y": y.tolist(), "came": came.tolist(), **answers})


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "--other":
        return other(*sys.argv[2:6], int(sys.argv[6]))
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--trees-bench")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seeds", type=int, default=5)
    options.add_argument("--cases", type=pathlib.Path)
    options.add_argument("--only", help="tasks and tables whose name holds this")
    chosen = options.parse_args()
    if chosen.cases:
        expected = chosen.cases / "expected"
        for make in (case_metrics, case_groups, case_curves, case_isotonic, case_reasons, case_boosting):
            make(expected)
    if chosen.trees_bench:
        with tempfile.TemporaryDirectory() as folder:
            return int(measure(chosen.trees_bench, chosen.rounds, chosen.seeds, pathlib.Path(folder), chosen.only))
    return 0


if __name__ == "__main__":
    sys.exit(main())
