use super::*;
use crate::ops::samples::{convolution, largest_difference, randn};
use proptest::prelude::*;

/// The number of an activation.
const RELU: usize = 1;

/// One of several layers from and to 16 channels.
fn layer(kind: usize) -> Result<Layer> {
    let mix = convolution((16, 16, 1, 1), false, (1, 1), RELU)?;
    match kind {
        0 => Layer::new(vec![mix]),
        1 => Layer::new(vec![convolution((16, 16, 3, 3), false, (1, 1), RELU)?, mix]),
        2 => Layer::new(vec![convolution((16, 16, 3, 3), false, (2, 2), RELU)?]),
        3 => Layer::new(vec![convolution((16, 16, 2, 2), false, (1, 1), RELU)?]),
        4 => Layer::residual(vec![convolution((16, 1, 7, 7), true, (1, 1), RELU)?, mix]),
        5 => Layer::new(vec![convolution((16, 1, 3, 3), true, (2, 2), RELU)?, mix]),
        _ => Layer::pooled(vec![convolution((16, 1, 3, 3), true, (1, 1), RELU)?, mix]),
    }
}

/// Whether both are the same to the last bit: layers compute the same sums wherever they begin.
fn same(a: &Tensor, b: &Tensor) -> Result<bool> {
    Ok(largest_difference(a, b)? == 0.0)
}

/// What the layers compute one after the other, each a whole picture.
fn one_by_one(x: &Tensor, kinds: &[usize], layers: &[Layer]) -> Result<Tensor> {
    assert_eq!(kinds.len(), layers.len());
    layers.iter().try_fold(x.clone(), |x, layer| layer.forward(&x))
}

fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("a pool").install(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_chain_computes_what_its_layers_do(
        n in 1usize..3, h in 4usize..70, w in 4usize..40, threads in 1usize..4, kinds in prop::collection::vec(0usize..7, 1..5),
    ) {
        let x = randn((n, h, w, 16))?;
        let layers = kinds.iter().map(|kind| layer(*kind)).collect::<Result<Vec<_>>>()?;
        // A picture that was halved too often is none.
        let expected = one_by_one(&x, &kinds, &layers)?;
        prop_assume!(expected.elem_count() > 0);
        let tiling = Tiling::chain(layers);
        let got = with_threads(threads, || tiling.forward(&x))?;
        prop_assert!(same(&got, &expected)?);
    }

    #[test]
    fn bytes_are_the_numbers_they_stand_for(
        n in 1usize..3, h in 4usize..70, w in 4usize..40, threads in 1usize..4, kinds in prop::collection::vec(0usize..7, 1..4),
    ) {
        let bytes = (randn((n, h, w, 16))? * 50.0)?.affine(1.0, 100.0)?.to_dtype(DType::U8)?;
        let tiling = Tiling::chain(kinds.iter().map(|kind| layer(*kind)).collect::<Result<Vec<_>>>()?);
        let expected = tiling.forward(&bytes.to_dtype(DType::F32)?)?;
        prop_assume!(expected.elem_count() > 0);
        let got = with_threads(threads, || tiling.forward(&bytes))?;
        prop_assert!(same(&got, &expected)?);
    }

    #[test]
    fn results_meet_again_where_they_belong(
        h in 4usize..70, w in 4usize..40, threads in 1usize..4, inward in 0usize..4, beside in 0usize..4, outward in 0usize..7,
    ) {
        let x = randn((1, h, w, 16))?;
        let (stride, ways) = (1 + usize::from(inward == 2), [layer(inward)?, layer(beside)?, layer(beside)?]);
        let fuse = || convolution((16, 16, 3, 3), false, (stride, stride), RELU);
        let [first, second] = [Layer::new(vec![fuse()?])?, Layer::new(vec![fuse()?])?];
        let after = layer(outward)?;
        let [inward, beside, again] = ways;
        let [a, b] = [inward.forward(&x)?, max_pool_2x2(&inward.forward(&x)?, 1)?];
        let (a, b) = (first.forward(&beside.forward(&a)?)?, again.forward(&b)?);
        prop_assume!(beside.forward(&x)?.dims() == x.dims());
        let expected = after.forward(&second.forward_add(&b, &a)?)?;
        prop_assume!(expected.elem_count() > 0);

        let mut tiling = Tiling::default();
        let start = tiling.layer(inward, Tiling::PICTURE);
        let a = tiling.layer(beside, start);
        let a = tiling.layer(first, a);
        let b = tiling.maximum(start);
        let b = tiling.layer(again, b);
        let fused = tiling.layer_add(second, b, a);
        tiling.layer(after, fused);
        let got = with_threads(threads, || tiling.forward(&x))?;
        prop_assert!(same(&got, &expected)?);
    }
}

#[test]
fn refuses_what_does_not_fit() -> Result<()> {
    let x = randn((1, 6, 6, 16))?;
    assert!(Tiling::default().forward(&x).is_err(), "no layer");
    assert!(
        Tiling::chain([layer(0)?]).forward(&randn((1, 6, 6, 8))?).is_err(),
        "8 channels"
    );
    let mut tiling = Tiling::default();
    let halved = tiling.layer(layer(2)?, Tiling::PICTURE);
    tiling.layer_add(layer(0)?, Tiling::PICTURE, halved);
    assert!(tiling.forward(&x).is_err(), "a base of half the size");
    Ok(())
}
